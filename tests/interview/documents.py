"""Small projects of our own, of different kinds and languages."""

QUIZ = """# Buzzword

## Features

- Hosts open a room with a code, and players join the room live.
- A room holds at most 40 players.
- Players vote for an answer; the votes of a round are shown to everyone when the host reveals them.
- Every player sees a new score within 500 ms.
- A player who drops may return within 90 seconds.

## Non-goals

- Voice chat.
"""
WAREHOUSE = """# Regal “Nord”

## Funktionen

- Lagerarbeiter buchen Paletten ein und aus.
- Der Bestand eines Regals wird in der Datenbank gespeichert.
"""
STAGE = """# ライブ配信

## 機能

- 視聴者は配信ルームに参加し、コメントをリアルタイムで見る。
- 1つのルームの参加者は最大200人。
- 接続が切れた視聴者は30秒以内に再接続できる。
"""
PRICES = """# Tickerboard

## Requirements

- Users watch the latest price of each instrument live.
- Prices are pushed to all watchers within 1 second.
- A user may set an alert on a price and gets a notification.
"""
ARENA = """# Arena

## Scale

- Support 100+ players in one match, and between 20 and 50 matches at the same time.
- Every player sees a hit within 100 ms.
"""
ALL = {"arena": ARENA, "quiz": QUIZ, "warehouse": WAREHOUSE, "stage": STAGE, "prices": PRICES}
