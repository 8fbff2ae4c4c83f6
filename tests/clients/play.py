# SPDX-License-Identifier: MIT
"""Plays the cases of one client, in that client's virtual environment; `run` starts this for each.

usage: play.py CLIENT --weir PROGRAM --folder FOLDER [--only TEXT] [--record FILE]
"""

import argparse
import asyncio
import importlib
import inspect
import json
import sys
from importlib import metadata
from pathlib import Path

import harness
from recorder import Recorder
from server import Server


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("client", help="a module of cases/")
    parser.add_argument("--weir", type=Path, required=True, help="the program")
    parser.add_argument("--folder", type=Path, required=True, help="where the models and the log of the server go")
    parser.add_argument("--only", default="", help="only calls that contain this text")
    parser.add_argument("--record", type=Path, help="write what was sent and answered as a script for tests/replay")
    return parser.parse_args()


def main() -> int:
    args = parse()
    module = importlib.import_module(f"cases.{args.client}")
    packages = {name: metadata.version(name) for name in module.PACKAGES}
    print(json.dumps({"client": module.CLIENT, "packages": packages}), flush=True)
    args.folder.mkdir(parents=True, exist_ok=True)
    server = Server(args.weir.resolve(), args.folder.resolve(), **getattr(module, "SERVER", {}))
    recorder = None
    if args.record:
        recorder = Recorder({"main": server.address, "admin": server.admin})
        server.address, server.admin = recorder.addresses["main"], recorder.addresses["admin"]
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    cases = module.cases(server)
    if inspect.isawaitable(cases):  # clients that must be made where the event loop runs
        cases = loop.run_until_complete(cases)

    def started(call: str) -> None:
        if recorder:
            recorder.call = call

    cases = [case for case in cases if args.only in case.call and (case.replays or not args.record)]
    n_failed = harness.play(module.CLIENT, cases, loop, started)
    if code := server.stop():
        print(json.dumps({"client": module.CLIENT, "call": "the server ends by itself", "against": "exit status 0",
                          "wrong": f"exit status {code}", "seconds": 0}), flush=True)
        n_failed += 1
    if recorder and not n_failed:
        recorder.write(args.record, packages, getattr(module, "SERVER", {}).get("environment", {}))
    return 1 if n_failed else 0


sys.exit(main())
