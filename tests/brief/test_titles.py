"""The product's name, from whatever titles, sentences and code say it, and the slug that keys begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from redis_plan import brief
from redis_plan.brief.reader import read_texts
from redis_plan.brief.slug import slug_of
from redis_plan.brief.title import read_title


def named(folder: Path) -> tuple[str, str]:
    """Return title and slug of a project, read as far as those need."""
    title = read_title([(text.blocks, text.visible) for text in read_texts(folder)], folder)
    return title, slug_of(title, folder)


@pytest.mark.parametrize(
    ("heading", "title", "slug"),
    [
        ("# Trivia Night - Product Requirements Document (PRD)", "Trivia Night", "trivia-night"),
        ("# Dokument wymagań produktu (PRD) - ZażółćQuiz", "ZażółćQuiz", "zazolcquiz"),
        ("# PRD: Real-time Scoreboard", "Real-time Scoreboard", "real-time-scoreboard"),
        ("# Real-time Ferry Boards - PRD", "Real-time Ferry Boards", "ferry-boards"),
        ("# PRD\n\n- **システム名称**: [FerryDesk - 桟橋の予約]", "FerryDesk", "ferrydesk"),
        (
            "# PRD\n\n| プロダクト名 | ハトバ for 港（Hatoba for Ports） |\n|---|---|",
            "Hatoba for Ports",
            "hatoba-for-ports",
        ),
        ("# Especificaciones Funcionales - Marea Viva", "Marea Viva", "marea-viva"),
        (
            '# Alcance del Proyecto\n\nSe trata de llevar a la web el juego de cartas "La Marea".',
            "La Marea",
            "la-marea",
        ),
        ("# Zakres projektu\n\nDo przeglądarki trafia gra planszowa „Przystań”.", "Przystań", "przystan"),
        (
            "# Harbour Passage Registration & Berth Lottery",
            "Harbour Passage Registration & Berth Lottery",
            "harbour-passage-registration-berth-lottery",
        ),
        ("# 🎲 Dice!", "Dice", "dice"),
        ("# Architecture du Jeu des Marées", "Jeu des Marées", "jeu-des-marees"),
        ("# Architettura della Marea Viva", "Marea Viva", "marea-viva"),
        ("# Işık Yarışı", "Işık Yarışı", "isik-yarisi"),
        ("# Requirements — Tram Live", "Tram Live", "tram-live"),
        ("# Product Requirements (PRD) - Harbor\n\n### Title: Cancel a berth", "Harbor", "harbor"),
        ("# Dokument Wymagań Produktowych (PRD) - Przystań", "Przystań", "przystan"),
        ("# Feature Specification: Live Boards (Phase 4)", "Live Boards", "live-boards"),
        ("# Kart Rush: arcade racing for everyone", "Kart Rush", "kart-rush"),
        ("# 7Decks - Product Requirements Document", "7Decks", "7decks"),
        (
            "# Arcade racing - Kart Rush PRD v2.1\n\nKart Rush is quick. People love Kart Rush.",
            "Kart Rush",
            "kart-rush",
        ),
        ("# RFC 12: Document Signer", "Document Signer", "document-signer"),
        ("# Van Ness Live: Requirements", "Van Ness Live", "van-ness-live"),
        ("# PRD - Dos Tazas", "Dos Tazas", "dos-tazas"),
        ("# 1) Product Overview\n\nTransitPulse is a live map of trams.", "TransitPulse", "transitpulse"),
        ("# PRD\n\n| Product name | Ferry Desk |\n|---|---|", "Ferry Desk", "ferry-desk"),
        ("# PRD\n\n## 1.1 Product name\n\n**Ferry Desk**", "Ferry Desk", "ferry-desk"),
        ("---\ntitle: Harbor Watch\nstatus: draft\n---\n# Overview", "Harbor Watch", "harbor-watch"),
        ("PRD — Harbor Watch\nVersion: 1.0", "Harbor Watch", "harbor-watch"),
        ("# Pflichtenheft für Tafelrunde", "Tafelrunde", "tafelrunde"),
        ("# 1. Einleitung\n\nTafelrunde ist eine Plattform für Brettspiele.", "Tafelrunde", "tafelrunde"),
        ("# Cahier des charges : Marché Direct", "Marché Direct", "marche-direct"),
        (
            "# Documento de requisitos (PRD)\n\n## Visão geral\n\nFeira Viva é uma plataforma.",
            "Feira Viva",
            "feira-viva",
        ),
        ("# MachiBus 要件定義書 v1.2", "MachiBus", "machibus"),
        ("# 需求文档\n\n## 项目名称\n\nPinche Bang", "Pinche Bang", "pinche-bang"),
        ("# Product Requirements Document\n\n## Reef Radio: one station, many hosts", "Reef Radio", "reef-radio"),
        ("<h1 align='center'>Reef Radio</h1>\n\n## Overview", "Reef Radio", "reef-radio"),
        ("---\nname: reef-radio\n---\n# Spec", "reef-radio", "reef-radio"),
        ("# @harbour/reef-radio", "reef-radio", "reef-radio"),
        ("# [Reef Radio] PRD", "Reef Radio", "reef-radio"),
        ("PRODUCT REQUIREMENTS DOCUMENT\nReef Radio\nVersion 1", "Reef Radio", "reef-radio"),
        ("# Lastenheft Funkhaus", "Funkhaus", "funkhaus"),
        ("# リーフラジオ(Reef Radio)要件定義書", "Reef Radio", "reef-radio"),
        ("# オンライン投票システム 要件定義書", "オンライン投票システム", "online-voting-system"),
        ("# 校园拼车平台需求文档", "校园拼车平台", "campus-ride-platform"),
        ("# Шахматный клуб — техническое задание", "Шахматный клуб", "shakhmatnyy-klub"),
        ("# オンライン投票開発仕様書", "オンライン投票", "online-voting"),
        ("# prd.md\n\n## Overview\n\nFerry Desk is a board of ferries.", "Ferry Desk", "ferry-desk"),
        ("# PRD – ferry_app", "ferry_app", "ferry-app"),
        ("# PRD: Aplikacja Przystań", "Przystań", "przystan"),
        ("Ferry Desk App\nScope: tickets and boards\n\n## 1) Overview", "Ferry Desk", "ferry-desk"),
        ("# PRD\n\n**Ferry Desk** - A board of ferries that shows:\n\n- berths", "Ferry Desk", "ferry-desk"),
        ("# Einleitung\n\nDas Heft beschreibt die Webanwendung „Hafenlicht“.", "Hafenlicht", "hafenlicht"),
        (
            "# Product Requirements (PRD) - Harbor\n\n- ID: 1\n  Title: Cancel a berth\n\n- ID: 2\n  Title: Pay",
            "Harbor",
            "harbor",
        ),
        ("# Ferry Desk MVP - Technical Specifications\n\nTechnical text. Technical.", "Ferry Desk", "ferry-desk"),
        ("## Build instructions\n\nRun it.\n\n# Ferry Desk - Project description", "Ferry Desk", "ferry-desk"),
        ("需求文档\n项目名称： tuanlian 风格社区平台（Web）\n版本： 1.0", "tuanlian 风格社区平台", "tuanlian"),
        (
            "# Systemweites Pflichtenheft V2\n\nAlle Anforderungen an das Funkhaus-System nach Norm.",
            "Funkhaus",
            "funkhaus",
        ),
        ("# Alpha Ferry Requirements", "Alpha Ferry", "alpha-ferry"),
        ("# Pilot Desk - PRD", "Pilot Desk", "pilot-desk"),
        ("# Beta specification for Ferry Desk", "Ferry Desk", "ferry-desk"),
        ("# Coding Challenge – Ferry Desk", "Ferry Desk", "ferry-desk"),
        ("# Prueba técnica: Marea Viva", "Marea Viva", "marea-viva"),
        ("# Zadanie rekrutacyjne - Przystań", "Przystań", "przystan"),
        ("# オンライン投票Webアプリ", "オンライン投票", "online-voting"),
        (
            "# Main Functions\n\n" + "- A berth is free.\n" * 60 + "\nThe FerryDesk platform does it all.",
            "FerryDesk",
            "ferrydesk",
        ),
    ],
)
def test_the_title_is_the_apps_name(project, heading, title, slug):
    assert named(project(prd=f"{heading}\n\nText.\n")) == (title, slug)


@pytest.mark.parametrize(
    "title",
    [
        "Product Requirements Document",
        "Architecture Decision Record",
        "User Stories",
        "仕様書",
        "需求分析",
        "Scenario",
        "Step 2: Requirements",
        "Krok 1: Wymagania",
        "Dashboard",
        "Startseite",
        "Beta",
        "Pilot project requirements",
        "Requirements\n\nFlyway is a tool for migrations",
    ],
)
def test_a_document_titled_by_its_kind_takes_the_folders_name(project, title):
    folder = project(prd=f"# {title}\n\nText.\n")
    assert named(folder)[0] == folder.name
    assert slug_of("规格", folder) == slug_of("", folder)


@pytest.mark.parametrize(
    "text",
    [
        "## Introduction\n\nThe Reef Radio system lets hosts share a studio.",
        "## Introduction\n\nThis document holds the requirements for Reef Radio, a radio that many people make.",
        "## Introduction\n\nThis feature adds live polls to the Reef Radio platform.",
        "## Overview\n\nWe are building Reef Radio, a radio that many people make.",
        "## Überblick\n\nDie Plattform Reef Radio bringt Moderatoren zusammen.",
        "> Reef Radio — a radio that many people make",
        "## Setup\n\n```bash\ngit clone https://example.org/harbour/reef-radio.git\n```",
        '## Setup\n\n```json\n{\n  "name": "reef-radio",\n  "version": "1.0.0"\n}\n```',
        "## Layout\n\n```\nreef-radio/\n├── apps\n└── packages\n```",
        "## Layout\n\n```txt\nreef-radio/\n  apps/\n    admin/\n```",
    ],
)
def test_where_no_title_names_the_product_its_sentences_and_code_do(project, text):
    assert named(project(prd=f"# Requirements Document\n\n{text}\n"))[1] == "reef-radio"


def test_a_companion_names_the_product_that_the_requirements_only_describe(project):
    folder = project(prd="# Requirements\n\nA radio.\n", stack="# Current state\n\n## Project: Reef Radio App (v1.3)\n")
    assert brief.read(folder).slug == "reef-radio"


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# Features für Brettbude\n\nAlles im Überblick.\n", "Brettbude"),
        ("# RFP Tidal Desk\n\nWhat we ask for.\n", "Tidal Desk"),
        ("# Request for Proposal: Tidal Desk\n\nWhat we ask for.\n", "Tidal Desk"),
    ],
)
def test_a_list_of_features_and_a_call_for_offers_are_kinds_of_documents(project, text, title):
    assert named(project(prd=text))[0] == title


@pytest.mark.parametrize(
    "text",
    [
        "PRD\n\n## 프로젝트 개요\n\n본 프로젝트는 항구를 다룬다.\n\n## 서비스 흐름\n\n1. 시작\n\n## 핵심 기능\n\n1. 예약\n",
        "PRD\n\n## Overview\n\nWhat this is about.\n\n## User journey\n\n1. Begin\n\n## What we build\n\n1. Booking\n",
        "PRD\n\n## Einleitung\n\nWorum es geht.\n\n## Ablauf am Hafen\n\n1. Beginn\n\n## Was wir bauen\n\n1. Buchung\n",
    ],
)
def test_the_second_of_several_parts_names_no_product(project, text):
    folder = project(prd=text)
    assert named(folder)[0] == folder.name


def test_the_folders_name_stands_in_for_a_title_of_which_little_can_be_spelt(project):
    folder = project(prd="# 蔦葛\n\n本文。\n")
    assert named(folder)[1] == slug_of("", folder)


@pytest.mark.parametrize(
    "opening",
    ["Your Harbour Must Have 4 Screens", "Every Berth Needs To Have Two Lamps", "# Das System soll drei Masken haben"],
)
def test_a_first_line_that_demands_something_names_no_product(project, opening):
    folder = project(prd=f"{opening}\n\nThe harbour is served from these:\n\nA berth is free or taken.\n")
    assert named(folder)[0] == folder.name
