"""Which nouns are things that a product keeps: by meaning where no grammar helps, and never what only the words suggest."""

from __future__ import annotations

import pytest

from redis_plan import brief

from .conftest import MakeProject

#: A language, a document of our own, what must be found (any spelling), what must not.
MEANT = [
    (
        "# Ferretería\n\n## Requisitos\n\n- El cliente hace un pedido y elige productos.\n- El pedido incluye productos del inventario.\n- El empleado confirma el pedido y prepara la factura.\n- El cliente recibe la factura; el empleado anota el pago.\n- El sistema muestra pedidos y productos en pantalla.\n- El sistema muestra en pantalla el pago del cliente.\n",
        ("pedido", "producto", "factura"),
        ("pantalla", "sistema"),
    ),
    (
        "# Librairie\n\n## Exigences\n\n- Le client passe une commande de livres.\n- La commande contient des produits; chaque produit a un prix.\n- Le client voit ses commandes et ses factures sur un écran.\n- Le fournisseur livre les produits; la facture est envoyée au fournisseur.\n- Le système affiche la facture sur un écran.\n",
        ("commande", "produit", "facture"),
        ("ecran", "systeme"),
    ),
    (
        "# Магазин\n\n## Требования\n\n- Покупатель создаёт заказ и добавляет товар в заказ.\n- Товар хранится на складе; заказ содержит товар.\n- Покупатель получает уведомление о заказе.\n- Продавец отправляет уведомление и отзыв.\n- Экран показывает заказ, экран обновляется.\n",
        ("заказ", "товар"),
        ("экран",),
    ),
]


@pytest.mark.parametrize(("prd", "wanted", "unwanted"), MEANT, ids=["es", "fr", "ru"])
def test_a_noun_is_kept_by_its_meaning_in_a_language_without_rules(
    project: MakeProject, prd: str, wanted: tuple[str, ...], unwanted: tuple[str, ...]
) -> None:
    read = brief.read(project(prd=prd))
    found = {name.lower() for e in read.entities for name in (e.name, *e.aliases)}
    assert not [noun for noun in wanted if not any(noun in name for name in found)], found
    assert not found & set(unwanted)


@pytest.mark.parametrize(
    ("prd", "kept", "verbs"),
    [
        (
            "# Fórum da escola\n\n## Requisitos funcionais\n\n- Os alunos criam uma conversa e enviam mensagens na conversa.\n- Os moderadores podem arquivar e silenciar uma conversa.\n- O professor pode arquivar mensagens e silenciar alunos.\n- Silenciar dura uma hora; arquivar esconde as mensagens.\n",
            "mensage",
            {"arquivar", "silenciar"},
        ),
        (
            "# Taller\n\n## Requisitos\n\n### RQF1 - Pedidos\n- El cliente puede reabrir un pedido y anular su factura.\n- Reabrir pedidos exige permiso (RQF1.2).\n- El gerente debe anular la factura del pedido.\n### RQF2 - Facturas\n- Anular facturas queda anotado (RQF2.1).\n",
            "factura",
            {"reabrir", "anular", "rqf"},
        ),
    ],
    ids=["pt", "es"],
)
def test_what_is_done_and_how_a_demand_is_numbered_are_no_things(
    project: MakeProject, prd: str, kept: str, verbs: set[str]
) -> None:
    found = {name.lower() for e in brief.read(project(prd=prd)).entities for name in (e.name, *e.aliases)}
    assert any(kept in name for name in found), found
    assert not {name.split()[0] for name in found} & verbs


BASE = "# Yard\n\n## Features\n\n- Skippers create a race and sailors join the race.\n- Sailors see every boat in real time.\n"


@pytest.mark.parametrize(
    "line",
    [
        "- Calls use a TURN server; a second TURN server stands by.",
        "- Each user story has acceptance criteria. User stories are numbered.",
        "- Operators follow the incident runbook; incident response takes an hour.",
        "- This draft is for review; it replaces the first draft.",
        "- The grouping of seats follows the plan; grouping is by deck.",
        "- A ticker shows the news. The ticker can be hidden.",
        "- Updates keep their order; a heartbeat refreshes the lease, heartbeats run every 10 s.",
        "- Positions of cursors are lossy signals; cursor positions are not stored.",
    ],
)
def test_a_word_of_the_machinery_is_no_entity(project: MakeProject, line: str) -> None:
    names = {e.name for e in brief.read(project(prd=f"{BASE}{line}\n")).entities}
    assert not names & {"Turn", "User story", "Story", "Incident", "Draft", "Seat", "Grouping", "Ticker", "Order", "Heartbeat", "Position", "Location", "Cursor"}  # fmt: skip


def test_what_only_the_notes_speak_of_is_how_it_is_built(project: MakeProject) -> None:
    notes = "<decisions>\n- Agents write an artifact; each agent saves a report.\n- The repository keeps the artifact of every agent. Agents send a report.\n</decisions>\n"
    names = {e.name for e in brief.read(project(prd=BASE, notes=notes)).entities}
    assert not names & {"Agent", "Artifact", "Repository", "Report"}
