# SPDX-License-Identifier: MIT
"""weir evaluate --mlflow against mlflow's tracking server; runs are read back with mlflow's own client."""

import atexit
import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException

from harness import Cases, equal, has
from server import Server, free_port

CLIENT = "mlflow tracking server"
PACKAGES = ["mlflow", "numpy"]
START_SECONDS = 120
WRITTEN = "the numbers that weir wrote"


class Tracking:
    """A tracking server in the folder, with processes of its own that end together."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.db"):
            old.unlink()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
                   "--backend-store-uri", f"sqlite:///{folder}/runs.db", "--artifacts-destination", str(folder / "kept")]
        with (folder / "tracking.log").open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, start_new_session=True)
        atexit.register(self.stop)
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                with urllib.request.urlopen(self.url + "/health", timeout=5):
                    return
            except OSError as e:
                if time.monotonic() > end or self.process.poll() is not None:
                    raise RuntimeError(f"mlflow did not start; see {log.name}") from e
                time.sleep(0.2)

    def stop(self) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)


def holdout(path: Path, n_classes: int) -> Path:
    """Writes rows with probabilities that are often right."""
    draw = random.Random(n_classes)
    classes = [f"class {k}" for k in range(n_classes)]
    with path.open("w", newline="", encoding="utf-8") as f:
        out = csv.writer(f)
        out.writerow(["y", *(f"p_{c}" for c in classes)])
        for i in range(300):
            p = [draw.random() + (k == i % n_classes) / 2 for k in range(n_classes)]
            out.writerow([classes[i % n_classes], *(repr(v / sum(p)) for v in p)])
    return path


def cases(server: Server) -> Cases:
    folder = server.folder / "tracking"
    tracking = Tracking(folder)
    mlflow.set_tracking_uri(tracking.url)
    client = mlflow.MlflowClient()
    two, many = holdout(folder / "two.csv", 2), holdout(folder / "many.csv", 12)
    page = folder / "report.html"
    found = Cases()

    def evaluate(*arguments: object, code: int = 0) -> tuple[dict, str]:
        done = subprocess.run([server.program, "evaluate", *map(str, arguments), "-l", "y", "--json", "--mlflow",
                               tracking.url], capture_output=True, text=True, timeout=50, check=False)
        equal((done.returncode, done.stderr if done.returncode != code else ""), (code, ""))
        return json.loads(done.stdout), done.stderr

    def last_run(experiment: str) -> mlflow.entities.Run:
        found_runs = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
        return max(found_runs, key=lambda run: run.info.start_time)

    @found.case("a run of two classes: metrics, parameters, tags", WRITTEN)
    def _():
        doc, _ = evaluate(two, "--threshold-policy", "youden", "--html", page)
        run = last_run("weir/two")
        equal((run.info.status, run.info.run_name), ("FINISHED", "two"))
        for name, ours in (("accuracy_score", "accuracy"), ("precision_score", "precision"), ("roc_auc", "roc_auc"),
                           ("precision_recall_auc", "average_precision"), ("log_loss", "log_loss"), ("mcc", "mcc")):
            equal(run.data.metrics[name], doc["metrics"][ours]["value"])
        equal([run.data.metrics["roc_auc.ci_low"], run.data.metrics["roc_auc.ci_high"]], doc["metrics"]["roc_auc"]["ci"])
        counts = [run.data.metrics[n] for n in ("true_negatives", "false_positives", "false_negatives", "true_positives")]
        equal(counts, [v for row in doc["confusion"]["counts"] for v in row])
        equal(float(run.data.params["threshold"]), doc["threshold"]["value"])
        equal(run.data.params["threshold.policy"], "youden")
        equal(run.data.tags["mlflow.source.name"], "weir evaluate")

    @found.case("its artifacts, byte for byte", WRITTEN)
    def _():
        run = last_run("weir/two")
        equal(sorted(a.path for a in client.list_artifacts(run.info.run_id)), ["evaluation.json", "report.html"])
        kept = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, dst_path=str(folder / "back"))
        equal((Path(kept) / "report.html").read_bytes(), page.read_bytes())
        equal(json.loads((Path(kept) / "evaluation.json").read_text())["schema"], "eval/1")

    @found.case("its dataset", WRITTEN)
    def _():
        run = last_run("weir/two")
        (given,) = run.inputs.dataset_inputs
        equal((given.dataset.name, given.dataset.source_type), ("two", "local"))
        equal(given.dataset.digest, run.data.params["data.digest"][:36])
        equal(json.loads(given.dataset.profile), {"num_rows": 300})
        equal([(tag.key, tag.value) for tag in given.tags], [("mlflow.data.context", "evaluation")])

    @found.case("a run of twelve classes in an experiment that is there", WRITTEN)
    def _():
        client.create_experiment("there")
        doc, _ = evaluate(many, "--mlflow-experiment", "there", "--mlflow-run-name", "the twelve")
        run = last_run("there")
        equal(run.info.run_name, "the twelve")
        equal(run.data.metrics["f1_score"], doc["metrics"]["f1_weighted"]["value"])
        for row in doc["per_class"]:
            equal(run.data.metrics[f"class.{row['class']}.recall"], row["recall"])

    @found.case("all numbers of the document are metrics of the run", WRITTEN)
    def _():
        doc, _ = evaluate(many, "--mlflow-experiment", "there")
        values = list(last_run("there").data.metrics.values())
        for name, metric in doc["metrics"].items():
            if metric["value"] is not None:
                has("yes" if metric["value"] in values else f"{name} is missing", "yes")

    @found.case("an experiment that is deleted", "mlflow's own refusal")
    def _():
        client.delete_experiment(client.create_experiment("gone"))
        _, told = evaluate(two, "--mlflow-experiment", "gone", code=1)
        has(told, 'experiment "gone" is deleted')
        try:
            mlflow.set_experiment("gone")
        except MlflowException:
            return
        raise AssertionError("mlflow takes a deleted experiment")

    return found
