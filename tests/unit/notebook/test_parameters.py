"""What a parameters cell declares: names, defaults, annotations, help; in each language."""

from __future__ import annotations

import pytest

from nbbatch.model import Value
from nbbatch.notebook import Parameter, parameters_of

# -------------------------------------------------------------------- parameters: Python


@pytest.mark.parametrize(
    ("source", "default", "kind"),
    [
        ("x = 3", 3, "int"),
        ("x = -3", -3, "int"),
        ("x = 1e-3", 0.001, "float"),
        ("x = 10 * 60", 600, "int"),
        ("x = 2**10 / 4", 256.0, "float"),
        ("x = 1 | 2", None, ""),
        ("x = 1 << 4", None, ""),
        ("x = True", True, "bool"),
        ("x = None", None, "null"),
        ('x = "pt>=20"', "pt>=20", "str"),
        ('x = "a#b"', "a#b", "str"),
        ('x = """a\n# b\n"""', "a\n# b\n", "str"),
        ('x = ("a"\n     "b")', "ab", "str"),
        ("x = [1, 2.5, None]", [1, 2.5, None], "list"),
        ("x = (1, 2)", [1, 2], "list"),
        ("x = []", [], "list"),
        ("x = list()", [], "list"),
        ("x = {'a': [1]}", {"a": [1]}, "dict"),
        ("x = dict(a=1, b='c')", {"a": 1, "b": "c"}, "dict"),
        ("x: float = 1", 1, "float"),
        ("x: int | None = None", None, "int"),
        ("x: Optional[str] = None", None, "str"),
        ("x: list[int] = None", None, "list"),
        ("x: int", None, "int"),
        ("x: Quantity = None", None, "null"),
        ("x = 1  # type: float", 1, "float"),
        # Expressions: only their source is known, and sometimes the kind.
        ("x = Path('a')", None, ""),
        ("x = [a, b]", None, "list"),
        ("x = f'{a}'", None, "str"),
        ("x = {1: 2}", None, "dict"),
        ("x = 1e999", None, ""),
        ("x = 3j", None, ""),
        ("x = 9**9**9", None, ""),
        ("x = 1 / 0", None, ""),
        ("x = 'a' * 10**9", None, ""),
        ("x = !ls", None, ""),
        ("x = %pwd", None, ""),
        # Where it stands.
        ("%matplotlib inline\n!ls {dir}\nx = 1\nx?", 1, "int"),
        ("%%time\nx = 1", 1, "int"),
        ("x = 1; y = 2", 1, "int"),
        ("a = x = 1", 1, "int"),
        ("a, (x, b) = 0, (1, 2)", 1, "int"),
        ("a, x = f()", None, ""),
        ("x = 1\nx = 'later'", "later", "str"),
        ("σ = 1\nx = σ", None, ""),
        ("x = 1\nthis is not ( Python", 1, "int"),
    ],
)
def test_python_parameters(source: str, default: Value, kind: str) -> None:
    found = {parameter.name: parameter for parameter in parameters_of(source, "python")}

    assert (found["x"].default, found["x"].kind) == (default, kind)
    assert type(found["x"].default) is type(default)


@pytest.mark.parametrize(
    "source",
    [
        "if True:\n    x = 1",
        "x.y = 1",
        "x[0] = 1",
        "x += 1",
        "x == 1",
        "print('x = 1')",
        "'''\nx = 1\n'''",
        "# x = 1",
        "%%bash\nx=1",
        "import x",
        "not ( Python\nx = 1",
        "",
    ],
)
def test_what_declares_no_parameter(source: str) -> None:
    assert parameters_of(source, "python") == ()


@pytest.mark.parametrize(
    ("source", "help"),
    [
        ("x = 1  # width", "width"),
        ("x = 'a#b'  # the cut, in GeV #1", "the cut, in GeV #1"),
        ("x = 'é' ; y = 2", ""),
        ("x = 'éé'  # accents", "accents"),
        ("# width\nx = 1", "width"),
        ("# the width\n# of the peak\nx = 1", "the width of the peak"),
        ("# a heading\n\nx = 1", ""),
        ("#: for Sphinx\nx = 1", "for Sphinx"),
        ("# above\nx = 1  # behind", "behind"),
        ("x = [  # first\n  1,  # one\n]", "first"),
        ("x = [\n  1,  # one\n]  # last", "last"),
        ("# parameters\nx = 1", ""),
        ("# Parameters:\n# width\nx = 1", "width"),
        ("x = 1  # type: int  the width", "the width"),
        ("x = 1; y = 2  # about y", ""),
        ("x = 1  # width\nx = 2", "width"),
        ("!ls  # not this\nx = 1", ""),
    ],
)
def test_comments_are_help(source: str, help: str) -> None:
    found = {parameter.name: parameter for parameter in parameters_of(source, "python")}

    assert found["x"].help == help


def test_a_parameter_keeps_its_source_and_annotation() -> None:
    (parameter,) = parameters_of("cuts: dict[str, float] = {  # GeV\n  'pt': 20.0\n}", "python")

    assert parameter == Parameter(
        name="cuts",
        default={"pt": 20.0},
        default_source="{  # GeV\n  'pt': 20.0\n}",
        annotation="dict[str, float]",
        help="GeV",
        kind="dict",
    )


# ----------------------------------------------------------- parameters: other languages


@pytest.mark.parametrize(
    ("language", "source", "name", "default", "kind", "help"),
    [
        ("R", "n <- 10L  # events", "n", 10, "int", "events"),
        ("R", "x = 2.5", "x", 2.5, "float", ""),
        ("R", "my.var <<- 1e-3", "my.var", 0.001, "float", ""),
        ("R", "`odd name` <- TRUE", "odd name", True, "bool", ""),
        ("R", 's <- "a # b; c"  # text', "s", "a # b; c", "str", "text"),
        ("R", "s <- 'it\\'s'", "s", "it's", "str", ""),
        ("R", "v <- c(1, 2,\n  3)  # cuts", "v", [1, 2, 3], "list", "cuts"),
        ("R", "v <- c('a,b', \"c\")", "v", ["a,b", "c"], "list", ""),
        ("R", "d <- list(a=1, b='x')", "d", {"a": 1, "b": "x"}, "dict", ""),
        ("R", "z <- NULL", "z", None, "null", ""),
        ("R", "n <-\n  4", "n", 4, "int", ""),
        ("R", "# parameters\n# events\nn <- 4", "n", 4, "int", "events"),
        ("R", "t <- Sys.time()", "t", None, "", ""),
        ("julia", "σ = 1.5  # width", "σ", 1.5, "float", "width"),
        ("julia", "const n::Int = 1_000", "n", 1000, "int", ""),
        ("julia", "x = 1.5f0", "x", 1.5, "float", ""),
        ("julia", "b = false; c = 1", "b", False, "bool", ""),
        ("julia", 'd = Dict("a" => 1)', "d", {"a": 1}, "dict", ""),
        ("julia", "z = nothing", "z", None, "null", ""),
        ("scala", "val n: Int = 3 // events", "n", 3, "int", "events"),
        ("C#", 'var s = "x"; // text', "s", "x", "str", "text"),
        ("F#", "let n = 3 // events", "n", 3, "int", "events"),
        ("matlab", "n = 3; % events", "n", 3, "int", "events"),
        ("bash", "name='a b' # text", "name", "a b", "str", "text"),
        ("PowerShell", "$n = 3 # events", "n", 3, "int", "events"),
    ],
)
def test_parameters_of_other_languages(
    language: str, source: str, name: str, default: Value, kind: str, help: str
) -> None:
    parameter = parameters_of(source, language)[0]

    assert (parameter.name, parameter.default) == (name, default)
    assert (parameter.kind, parameter.help) == (kind, help)


@pytest.mark.parametrize(
    ("language", "source"),
    [
        ("R", "if (x == 3) y <- 1"),
        ("R", "x[3] <- 1"),
        ("R", "f(x = 1)"),
        ("R", "# x <- 1"),
        ("julia", "x == 3"),
        ("julia", "f(x) = x"),
        ("julia", '"""\nx = 1\n"""'),
        ("cobol", "x = 1"),
    ],
)
def test_what_declares_no_parameter_in_other_languages(language: str, source: str) -> None:
    assert parameters_of(source, language) == ()
