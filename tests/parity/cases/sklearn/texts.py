# SPDX-License-Identifier: MIT
"""Vectorisers of text, by themselves and before estimators."""
import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import MaxAbsScaler, StandardScaler
from sklearn.feature_selection import SelectKBest, chi2

from cases import Case
from cases.sklearn._frames import table

WORDS = ("the quick brown fox jumps over lazy dog Straße naïve café résumé Ünïcode ΣΊΣΥΦΟΣ ὈΔΥΣΣΕΎΣ Привет МИР İstanbul "
         "東京 北京 大学 ﬁne ①② x² 100 3.14 don't e-mail under_score A B c I'm state-of-the-art naïvé \u0130I "
         "한국어 ด้วย हिन्दी עברית مرحبا ½ Ⅷ ª ℃ ẞ ǅ 𝒜𝒷 👍 ok OK Ok not never always he she they running Runs ran "
         "very much more most often seldom good bad great awful fine price ship late early").split()


def corpus(n=250, seed=11):
    rng = np.random.RandomState(seed)
    weights = 1.0 / (np.arange(len(WORDS)) + 3.0)
    texts = []
    for _ in range(n):
        words = rng.choice(WORDS, rng.randint(0, 30), p=weights / weights.sum())
        gaps = rng.choice([" ", "  ", "\t", "\n", ", ", ". ", "!? ", "\u00a0", " \u2003", "-", "/"], len(words),
                          p=[.7, .05, .02, .03, .05, .05, .02, .02, .02, .02, .02])
        texts.append("".join(w + g for w, g in zip(words, gaps)))
    y = np.array([("good" in t) or len(t) > 90 for t in texts]).astype(int)
    return texts, y


def every_character():
    """Texts that hold each character twice: between letters, and behind a sigma."""
    codes = [c for c in range(1, 0x110000) if not 0xD800 <= c < 0xE000]
    texts = []
    for at in range(0, len(codes), 4096):
        part = [chr(c) for c in codes[at:at + 4096]]
        texts.append(" ".join("x%sx" % c for c in part))
        texts.append(" ".join("A%s\u03a3%s" % (c, c) for c in part))
    return texts, np.arange(len(texts)) % 2


def strange(X):
    return ["", " ", "\u03a3", "a\u03a3", "a\u03a3b", "\u03a3\u03a3 a.\u03a3 a.\u03a3.b \u0130x", "no\x00thing", "x" * 5000,
            "word " * 3000, "\ud7a3\uac00\uac01", "e\u0301\u0327", "Z\u030c\u0001", "a  b\t\tc \u2028\u2029 d"]


EXACT = "ulp:12"


def vectorisers():
    for name, kw in (
            ("plain", {}), ("binary", {"binary": True}), ("case", {"lowercase": False}), ("bigrams", {"ngram_range": (1, 2)}),
            ("trigrams", {"ngram_range": (2, 3)}), ("english", {"stop_words": "english"}),
            ("stop", {"stop_words": ["the", "quick", "naïve", "the"], "ngram_range": (1, 3)}), ("most", {"max_features": 20}),
            ("rare", {"min_df": 3, "max_df": 0.5}), ("ascii", {"strip_accents": "ascii"}),
            ("unicode", {"strip_accents": "unicode"}), ("char", {"analyzer": "char"}),
            ("char3", {"analyzer": "char", "ngram_range": (1, 3)}), ("wb", {"analyzer": "char_wb", "ngram_range": (2, 4)}),
            ("wb5", {"analyzer": "char_wb", "ngram_range": (5, 7), "strip_accents": "unicode"}),
            ("words1", {"token_pattern": r"(?u)\b\w+\b"}), ("letters", {"token_pattern": r"[a-zA-Z]+"}),
            ("letters3", {"token_pattern": r"\b[a-z]{3,}\b"}), ("nonspace", {"token_pattern": r"\S+"}),
            ("group", {"token_pattern": r"(?u)\b(\w\w+)\b"}), ("dashes", {"token_pattern": r"[\w'-]+"}),
            ("digits", {"token_pattern": r"\d+"}), ("back", {"token_pattern": r"\w+ing\b"}),
            ("negated", {"token_pattern": r"[^\s.,!?]{2,}"}), ("capital", {"token_pattern": r"[A-Z]\w*", "lowercase": False}),
            ("vocabulary", {"vocabulary": ["fox", "the quick", "dog", "東京"], "ngram_range": (1, 2)}),
            ("bigrams40", {"ngram_range": (1, 2), "max_features": 40}),
            ("char40", {"analyzer": "char", "ngram_range": (1, 3), "max_features": 40}),
            ("wb40", {"analyzer": "char_wb", "ngram_range": (2, 4), "max_features": 40})):
        yield Case("count_" + name, "text", lambda k=kw: CountVectorizer(**k), corpus, more=strange,
                   commit=name in ("plain", "bigrams40", "char40", "wb40", "english", "unicode", "dashes"),
                   predict=as_matrix)
    for name, kw in (("plain", {}), ("l1", {"norm": "l1"}), ("none", {"norm": None}), ("sub", {"sublinear_tf": True}),
                     ("noidf", {"use_idf": False}), ("unsmooth", {"smooth_idf": False, "ngram_range": (1, 2)}),
                     ("binary", {"binary": True}), ("char", {"analyzer": "char_wb", "ngram_range": (3, 5)})):
        yield Case("tfidf_" + name, "text", lambda k=kw: TfidfVectorizer(**k), corpus, more=strange, tolerance=EXACT,
                   commit=name in ("plain", "sub"), predict=as_matrix)
    for name, kw in (("plain", {}), ("l1", {"norm": "l1"}), ("none", {"norm": None, "alternate_sign": False}),
                     ("binary", {"binary": True, "ngram_range": (1, 2)}), ("char", {"analyzer": "char", "ngram_range": (2, 3)})):
        yield Case("hash_" + name, "text", lambda k=kw: HashingVectorizer(n_features=257, **k), corpus, more=strange,
                   tolerance=EXACT, commit=name == "plain", predict=as_matrix)
    for name, kw in (("word", {"token_pattern": r"\w+"}), ("unicode", {"analyzer": "char", "strip_accents": "unicode"}),
                     ("ascii", {"analyzer": "char_wb", "strip_accents": "ascii", "ngram_range": (1, 2)}),
                     ("lower", {"analyzer": "char"})):
        yield Case("every_" + name, "text", lambda k=kw: HashingVectorizer(n_features=4099, norm=None, **k),
                   every_character, predict=as_matrix)


def as_matrix(est, X, output):
    got = getattr(est, output)(X)
    return got.toarray().astype(float) if hasattr(got, "toarray") else got


def estimators():
    lr = lambda: LogisticRegression(max_iter=300)
    near = "rel:1e-12 abs:1e-12"
    yield Case("tfidf_lr", "logistic", lambda: make_pipeline(TfidfVectorizer(), lr()), corpus, more=strange, commit=True,
               tolerance=near)
    yield Case("tfidf_sgd", "linear", lambda: make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), SGDClassifier(random_state=0)),
               corpus, more=strange, tolerance=near)
    yield Case("count_tfidf_lr", "logistic", lambda: make_pipeline(CountVectorizer(), TfidfTransformer(), lr()), corpus,
               more=strange, commit=True, tolerance=near)
    yield Case("hash_lr", "logistic", lambda: make_pipeline(HashingVectorizer(), lr()), corpus, more=strange, tolerance=near)
    yield Case("hash_tfidf_ridge", "linear", lambda: make_pipeline(
        HashingVectorizer(n_features=1 << 12, alternate_sign=False), TfidfTransformer(), RidgeClassifier()), corpus,
               tolerance=near)
    yield Case("count_maxabs_lr", "logistic", lambda: make_pipeline(CountVectorizer(), MaxAbsScaler(), lr()), corpus,
               tolerance=near)
    yield Case("count_chi2_lr", "logistic", lambda: make_pipeline(CountVectorizer(), SelectKBest(chi2, k=15), lr()), corpus,
               commit=True, tolerance=near)
    yield Case("union_lr", "logistic", lambda: make_pipeline(make_union(
        TfidfVectorizer(), TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 3))), lr()), corpus, tolerance=near)
    yield Case("three_lr", "logistic", lambda: make_pipeline(TfidfVectorizer(), lr()), lambda: (
        corpus()[0], np.array(["a", "b", "c"])[np.arange(250) % 3]), tolerance=near)
    yield Case("table_lr", "logistic", lambda: make_pipeline(ColumnTransformer([
        ("text", TfidfVectorizer(token_pattern=r"\w+"), "note"), ("num", StandardScaler(), ["income", "rooms"])]), lr()),
        notes, commit=True, tolerance=near)
    yield Case("tfidf_matrix", "text", TfidfTransformer, "digits", predict=as_matrix, tolerance={"": EXACT, "f4": "ulp:8"},
               inputs=("f8",))


def notes():
    frame, y = table(n=250)
    frame["note"] = corpus()[0]
    return frame[["income", "note", "rooms"]], y


def cases():
    for group in (vectorisers, estimators):
        yield from group()
