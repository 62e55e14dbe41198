"""The table of the public corpora: where each comes from, what its labels mean, and what must be found in it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Corpus:
    """Where one corpus comes from and what may be expected of it."""

    key: str
    title: str
    folder: str
    """Folder below the corpora's root; corpora of one repository may share it."""
    repository: str
    """GitHub "owner/name"."""
    commit: str
    paths: tuple[str, ...]
    """Paths in the repository: first the file that is read, then files that only its cut rule needs."""
    licence: str
    languages: tuple[str, ...]
    note: str
    """What the labels mean and which of them are trusted."""
    rows: int
    """Expected number of examples."""
    digest: str
    """Expected `digest` of the examples."""
    cut: str = ""
    """Which rows are left out as the final examination; empty when none are."""
    train: bool = True
    """False for a test suite, which nothing may be fitted to."""
    sha256: str = ""
    """Digest of the file that is read; empty for a cut corpus, whose original file is not known here."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Where a word list comes from; it yields no examples, but its licence is accounted for."""

    key: str
    repository: str
    commit: str
    path: str
    licence: str
    note: str


# These have an English twin: another column or table of the same file.
_JIGSAW: Final = Corpus(
    key="jigsaw-fr",
    title="Jigsaw toxic comments, machine-translated for ToxiFrench",
    folder="toxifrench",
    repository="AxelDlv00/ToxiFrench",
    commit="b93ad5bcc18a",
    paths=("data/JigsawData/subset_jigsaw_annotated.csv", "data/Benchmark/JigsawBilingualBalanced.csv"),
    licence="MIT / CC0",
    languages=("fr",),
    note=(
        "Wikipedia talk, six labels; nearly all rows are toxic. Toxicity is unknown where it contradicts a sub-type."
    ),
    rows=966,
    digest="0b482bbe289ddacacd0a4416692493f2ffe24810b987a7b63adcbc6970e3656d",
    cut="rows of JigsawBilingualBalanced.csv left out",
)
_MLMA: Final = Corpus(
    key="mlma",
    title="Multilingual and multi-aspect hate speech, French",
    folder="mlma",
    repository="HKUST-KnowComp/MLMA_hate_speech",
    commit="479836984aeb",
    paths=("hate_speech_mlma.zip",),
    licence="MIT",
    languages=("fr",),
    note=(
        "Tweets by hostility type. Toxicity is 0 for normal alone, 1 without normal, otherwise the share of "
        "hostile types; identity_attack is 1 for hateful on an identity, 0 for normal alone."
    ),
    rows=4014,
    digest="b2411c727535bb29f519380f472e3b70cb01361efe35a5319b5d0bb7e8a90f82",
    sha256="56db7efb1b64a2570f63d0cdb48d119c5e32eccff13f3c22bf17a4331956dc43",
)
_SMS_SPAM: Final = Corpus(
    key="sms-spam",
    title="SMS spam collection, machine-translated to French",
    folder="sms-spam",
    repository="pierrerochet/ml-spam-filter-fr",
    commit="291fefe9e86b",
    paths=("data/data-en-hi-de-fr.csv",),
    licence="CC BY 4.0",
    languages=("fr",),
    note="Spam or ham; nothing else is known of either.",
    rows=4194,
    digest="5d1d92e3d0512996777d7430801ac9afcd48ac3c5fd57b0009b176600d728c43",
    cut="bucket(text, 4) == 3 left out",
)

_CORPORA: Final = (
    Corpus(
        key="toxifrench",
        title="ToxiFrench, the half of the benchmark that may be seen",
        folder="toxifrench",
        repository="AxelDlv00/ToxiFrench",
        commit="b93ad5bcc18a",
        paths=("data/Benchmark/ToxiFrenchBalanced.csv",),
        licence="MIT",
        languages=("fr",),
        note="Native forum messages; toxicity as people judged it.",
        rows=685,
        digest="b808b0ca920b2ce21d9099954b7fd276371ef8246fd7ef807b92de78adb3d75c",
        cut="bucket(msg_id, 2) == 1 left out",
    ),
    Corpus(
        key="toxifrench-agreement",
        title="ToxiFrench, messages labelled by two annotators",
        folder="toxifrench",
        repository="AxelDlv00/ToxiFrench",
        commit="b93ad5bcc18a",
        paths=("data/agreement/agreement_checking.csv", "data/Benchmark/ToxiFrenchBalanced.csv"),
        licence="MIT",
        languages=("fr",),
        note=(
            "Native forum messages; toxicity is the annotator's conclusion. What the forum's moderators did is "
            "not used."
        ),
        rows=499,
        digest="3dbcf843f0e046b19dfe6ef909d9e44751c01adc2a08954e592437ee91fd8f4c",
        cut="rows whose text is in the whole benchmark left out",
    ),
    _JIGSAW,
    replace(
        _JIGSAW,
        key="jigsaw-en-original",
        title="The English originals of jigsaw-fr",
        languages=("en",),
        note="As jigsaw-fr; each row has the group of its translation.",
        digest="97f55460b50cfaef57cd34c6e5c8be54034d3df2c917087d9d23d142798ee1e4",
    ),
    _MLMA,
    replace(
        _MLMA,
        key="mlma-en",
        title="Multilingual and multi-aspect hate speech, English",
        languages=("en",),
        note="As mlma.",
        rows=5647,
        digest="aa1dfa811b6690dcbf5d0181aeaa1b57f6a69c6c0a45fbfd32851cb58d14bc81",
    ),
    Corpus(
        key="ftr",
        title="French tweets about racism",
        folder="ftr",
        repository="NataliaVanetik/FTR-dataset",
        commit="324f4e877f9d",
        paths=("FTR_new_labels.csv",),
        licence="MIT",
        languages=("fr",),
        note="Racist or not; a tweet that is not may still be rude, so that its toxicity is unknown.",
        rows=2856,
        digest="c41dc51ade823d11882d9660f1c75d901c0ee85116dece79002a56f6bfd26738",
        sha256="40daddce8dbbad745713eec1cf666ef0278aca1a23bd9ca5116d420c7a630c7f",
    ),
    Corpus(
        key="hatecheck",
        title="Multilingual HateCheck, the half of the French cases that may be seen",
        folder="hatecheck",
        repository="rewire-online/multilingual-hatecheck",
        commit="a03f2caf2023",
        paths=("MHC Final Cases/hatecheck_cases_final_french.csv",),
        licence="CC BY 4.0",
        languages=("fr",),
        note=(
            "A test suite: measure with it, fit nothing to it. Toxicity is unknown for profanity and for abuse of "
            "unprotected groups."
        ),
        rows=1870,
        digest="4cb0ffcc9f3021c6c33620316352be8ee098ed807b5ec74d4745af9329623789",
        cut="bucket(templ_id, 2) == 1 left out",
        train=False,
    ),
    Corpus(
        key="consultation-an",
        title="Citizens' contributions to the Assemblée nationale on women's rights",
        folder="consultation-an",
        repository="regardscitoyens/consultation_an",
        commit="0bf6ac9cace8",
        paths=("exploitation/text-analysis/contributions.csv",),
        licence="ODbL 1.0",
        languages=("fr",),
        note=(
            "No labels of its own: taken as harmless in every attribute, though full of violent and gendered "
            "vocabulary."
        ),
        rows=801,
        digest="e5604e73765d7dd7672d3a1db1316950d6b268859e2fd9508d828e2ea608147a",
        sha256="4b06e9d6a031f7dd8527379a505bfe8b3926c1c94461a687529ddebdefe824e4",
    ),
    _SMS_SPAM,
    replace(
        _SMS_SPAM,
        key="sms-spam-en",
        title="SMS spam collection, the English originals",
        languages=("en",),
        note="As sms-spam; each row has the group of its translation.",
        digest="5ab685a0228c3f510e288a5f46e510c3b837d47026704ba910031f3f15f317ae",
    ),
    Corpus(
        key="tubespam",
        title="YouTube comment spam",
        folder="tubespam",
        repository="regularized-dp/regularized-data-programming",
        commit="31b1fcccd6bf",
        paths=("data/TubeSpam/TubeSpam.csv",),
        licence="CC BY 4.0",
        languages=("en",),
        note="Spam or not, under music videos, with the author's name.",
        rows=1956,
        digest="ea03275d183e90ac514b08c08ba9c725f4df62a11814c5bd62035567ea81082e",
        sha256="5b7fb59975ae59b126513792ad6356895adffd14df19399154414c9d37fa1b57",
    ),
    Corpus(
        key="textdetox",
        title="TextDetox 2025, development inputs",
        folder="textdetox",
        repository="pan-webis-de/pan-code",
        commit="db0391d3e3ec",
        paths=("clef25/text-detoxification/input_data/dev_inputs.tsv",),
        licence="MIT / OpenRAIL++",
        languages=("en", "es", "it"),
        note="Toxic sentences only. The neutral rewritings are not read: nobody labelled them.",
        rows=1300,
        digest="bcbccf2c74d003d09bef8658f665f204f3f0ad41ee8a6da5fcd36cb22b455c0b",
        cut="languages other than English, Spanish and Italian left out",
    ),
    Corpus(
        key="told-br",
        title="ToLD-Br",
        folder="told-br",
        repository="JAugusto97/ToLD-Br",
        commit="7804082d06a4",
        paths=("ToLD-BR.csv",),
        licence="CC BY-SA 4.0",
        languages=("pt",),
        note="Brazilian tweets, three votes per kind: the share of votes; toxicity is 1 from two votes for one kind.",
        rows=21000,
        digest="12fed0ffcb4705d4d551ab964db4ecf27c3d890d9da83aca3a511ad6300196bc",
        sha256="a905b90d5886b9c80d737aa26c41dd29077155f23b9b857080634a78f8203c90",
    ),
    Corpus(
        key="jigsaw-ml",
        title="Jigsaw multilingual validation set",
        folder="jigsaw-ml",
        repository="SiddeshSambasivam/Mulitilingual-Toxic-Comment-Classification",
        commit="8b4220431664",
        paths=("input/validation.csv",),
        licence="CC0",
        languages=("es", "it", "tr"),
        note="Native Wikipedia talk; toxicity.",
        rows=8000,
        digest="060f4308bcd838765dfa251315d2a28eb7f27eff24818e61996aec46decf3bb8",
        sha256="298183523e5bf04ee91ade5721ba6a48a63c25b984de564dbd447f992c9e835a",
    ),
    Corpus(
        key="wiki-toxicity",
        title="Wikipedia talk from unintended-ml-bias-analysis",
        folder="wiki-toxicity",
        repository="conversationai/unintended-ml-bias-analysis",
        commit="9c7d91aaa534",
        paths=("archive/unintended_ml_bias/eval_datasets/toxicity_nonfuzzed_testset.csv",),
        licence="CC BY 4.0",
        languages=("en",),
        note="Toxicity.",
        rows=1492,
        digest="feb3c6ff8faeba5202309c3720101890b11db6c944fe81f1d54005ee6f36934b",
        sha256="c11caefa0c487cb7a7fc0726cb53358d4e5463bd071d65979398af59fa80f881",
    ),
    Corpus(
        key="measuring-hate-speech",
        title="Measuring Hate Speech (Kennedy 2020)",
        folder="measuring-hate-speech",
        repository="TimItsara/efficient-low-resource-hate-detection",
        commit="cca3ba8bcf26",
        paths=("0_data/main/1_clean/ken20_en/train_20692.csv",),
        licence="CC BY 4.0",
        languages=("en",),
        note="Hate or not; what is not hate may still be rude, so that its toxicity is unknown.",
        rows=20692,
        digest="23e90f3e81bfca57539e6f13673e824a6a931470375eeabd01e70908a726b026",
        sha256="c57570f6c3adf62ac9ed7e26cff5bcd1ea2e56fbfac647dd102de10f764e810d",
    ),
    Corpus(
        key="dynahate",
        title="DynaHate (Vidgen 2021), written to fool classifiers",
        folder="dynahate",
        repository="TimItsara/efficient-low-resource-hate-detection",
        commit="cca3ba8bcf26",
        paths=("0_data/main/1_clean/dyn21_en/train/train_20000_rs1.csv",),
        licence="CC BY 4.0",
        languages=("en",),
        note="As measuring-hate-speech.",
        rows=20000,
        digest="c4370fba439693ef4abfe12a8582f32ab32fdf04b807cf7634936d406558c715",
        sha256="ed52397aa3a17b73c21fb91388bd338646c8e6183e515087834bdf924e045449",
    ),
    Corpus(
        key="davidson",
        title="Hate speech and offensive language (Davidson 2017)",
        folder="davidson",
        repository="t-davidson/hate-speech-and-offensive-language",
        commit="cb50f7e9eb85",
        paths=("data/labeled_data.csv",),
        licence="MIT",
        languages=("en",),
        note="Hate, offensive or neither. Casual profanity and dialect count as offensive: give it little weight.",
        rows=24783,
        digest="9cca6f6aebb64d7d71cd6c4f1a1ded192f31e29bee4b7052ffd16b85fc2a1991",
        sha256="fcb8bc7c68120ae4af04a5b9acd58585513ede11e1548ebf36a5c2040b6f6281",
    ),
)
CORPORA: Final[Mapping[str, Corpus]] = MappingProxyType({corpus.key: corpus for corpus in _CORPORA})

LEXICONS: Final = (
    Lexicon(
        key="cuss",
        repository="words/cuss",
        commit="6bab3fef2504",
        path="fr.js",
        licence="MIT",
        note="737 French words with a sureness of 0 to 2; raw material, some entries are harmless.",
    ),
    Lexicon(
        key="french-badwords",
        repository="darwiin/french-badwords-list",
        commit="88a3854a293f",
        path="list.txt",
        licence="MIT",
        note="2,432 French entries, most of them obfuscated variants; raw material.",
    ),
)
