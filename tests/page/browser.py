# SPDX-License-Identifier: MIT
"""A real browser and a real server for the page's tests: started, asked, and ended by their own ids."""

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request

WAIT_S = 15


class Server:
    """`weir serve` on a folder of models, on free loopback ports."""

    def __init__(self, program, folder, *arguments):
        self.models = os.path.join(folder, "models")
        os.makedirs(self.models, exist_ok=True)
        self.log = open(os.path.join(folder, "weir.log"), "w", encoding="utf-8")
        env = {k: v for k, v in os.environ.items() if not k.startswith("WEIR_")}
        command = [program, "serve", self.models, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
                   "--state-dir", os.path.join(folder, "state"), *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True, env=env)
        self.address, self.admin = (self.read_address(start) for start in ("listening on ", "admin on "))

    def read_address(self, start):
        line = self.process.stdout.readline()
        if not line.startswith(start):
            raise AssertionError(f"expected {start!r}, got {line!r}")
        return "http://" + line[len(start):].strip()

    def put(self, source, name):
        """Replaces a file of the models at once; source: a path, or bytes."""
        part = os.path.join(self.models, f".{name}.part")
        if isinstance(source, bytes):
            with open(part, "wb") as f:
                f.write(source)
        else:
            shutil.copyfile(source, part)
        os.rename(part, os.path.join(self.models, name))

    def ask(self, path, body=None, admin=True, fields=None):
        """Returns (status, text)."""
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request((self.admin if admin else self.address) + path, data=data, headers=fields or {})
        try:
            with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()

    def get(self, path, body=None):
        status, text = self.ask(path, body)
        if status != 200:
            raise AssertionError(f"{path}: {status} {text}")
        return json.loads(text)

    def states(self):
        return {m["name"]: m for m in self.get("/weir/v1/models")["models"]}

    def metrics(self):
        """Returns the samples of /metrics by their text before the value."""
        _, text = self.ask("/metrics")
        lines = (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, value in lines}

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()


def quantile(samples, family, labels, q):
    """The percentile of a histogram of /metrics, on a straight line inside its bucket."""
    prefix = f"{family}_bucket{{{labels},le=\""
    buckets = [(float(name[len(prefix):-2].replace("+Inf", "inf")), n) for name, n in samples.items() if name.startswith(prefix)]
    buckets.sort()
    rank = q * buckets[-1][1]
    low, below = 0.0, 0.0
    for bound, n in buckets:
        if n >= rank and n > 0:
            return low if bound == float("inf") else low + (bound - low) * ((rank - below) / (n - below) if n > below else 1)
        low, below = bound, n
    return None


def number_of(text):
    """Reads what the page writes: "3.77 ms", "12.3 k", "40 %"."""
    m = re.fullmatch(r"([−-]?[\d.]+(?:e[+-]?\d+)?)(?: (k|M|G|µs|ms|s|%))?", text.strip())
    if not m:
        raise AssertionError(f"{text!r} is no number")
    scale = {None: 1, "k": 1e3, "M": 1e6, "G": 1e9, "µs": 1e-6, "ms": 1e-3, "s": 1, "%": 0.01}[m.group(2)]
    return float(m.group(1).replace("−", "-")) * scale


class Browser:
    """Headless Chromium with a profile of its own."""

    def __init__(self, folder):
        from selenium import webdriver
        from selenium.webdriver.chrome.options import Options
        from selenium.webdriver.chrome.service import Service

        options = Options()
        options.binary_location = shutil.which("chromium")
        for argument in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1280,1000", "--no-first-run",
                         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--lang=en-GB",
                         "--user-data-dir=" + tempfile.mkdtemp(dir=folder, prefix="profile-")):
            options.add_argument(argument)
        if os.geteuid() == 0:  # Chromium's sandbox does not start as root.
            options.add_argument("--no-sandbox")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)
        self.driver.set_page_load_timeout(WAIT_S)
        self.driver.set_script_timeout(WAIT_S)
        self.requests = []  # URLs asked for, since the start
        self.console = []  # errors and warnings

    def quit(self):
        process = self.driver.service.process
        try:
            self.driver.quit()  # ends Chromium and the driver
        finally:
            if process.poll() is None:
                process.kill()

    def open(self, url):
        self.driver.get(url)

    def js(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def cdp(self, command, **parameters):
        return self.driver.execute_cdp_cmd(command, parameters)

    def scheme(self, name, motion="no-preference"):
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name},
                                                         {"name": "prefers-reduced-motion", "value": motion}])

    def size(self, width, height):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def find(self, selector):
        return self.driver.find_element("css selector", selector)

    def all(self, selector):
        return self.driver.find_elements("css selector", selector)

    def text(self, selector):
        """The text of the first match; "" where there is none (yet)."""
        return self.js("const e = document.querySelector(arguments[0]); return e ? e.innerText : ''", selector)

    def until(self, condition, what, seconds=WAIT_S):
        """Waits until condition() is true and returns what it gave; fails with `what` else."""
        begun = time.monotonic()
        while True:
            got = condition()
            if got:
                return got
            if time.monotonic() - begun > seconds:
                raise AssertionError(f"not within {seconds} s: {what}; the page says: {self.text('main')[:600]!r}")
            time.sleep(0.05)

    def keys(self, *keys):
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.driver, duration=0).send_keys(*keys).perform()

    def read_logs(self):
        """Takes in what the browser logged since the last time."""
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self.requests.append(message["params"]["request"]["url"])
        self.console += [e["message"] for e in self.driver.get_log("browser") if e["level"] in ("SEVERE", "WARNING")]

    def picture(self, path, width, height_max, part=None):
        """Saves a picture of the page as it is, from the top, or of a part of it, at most height_max high."""
        self.cdp("Emulation.setScrollbarsHidden", hidden=True)
        self.size(width, 900)
        time.sleep(0.2)
        height = min(self.js("return document.documentElement.scrollHeight"), height_max)
        self.size(width, 900 if part else height)
        time.sleep(1.3)  # the charts draw anew with the next reading
        if not part:
            self.driver.save_screenshot(path)
            return
        x, y, w, h = self.js("const r = document.querySelector(arguments[0]).getBoundingClientRect();"
                             "return [r.x + scrollX, r.y + scrollY, r.width, r.height]", part)
        margin = min(x, 16)
        shot = self.cdp("Page.captureScreenshot", captureBeyondViewport=True,
                        clip={"x": x - margin, "y": y - margin, "width": w + 2 * margin, "height": min(h + margin, height_max), "scale": 1})
        with open(path, "wb") as f:
            f.write(base64.b64decode(shot["data"]))
