r"""Whether Go's regular expressions (RE2) take a pattern, and if not, why.

They differ from Python's both ways: no look-around, back-references or possessive quantifiers, at
most a thousand repetitions; but flags in mid-pattern, ``\z``, ``\Q…\E`` and ``\p{Greek}``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sidecar.validate.alertmanager.golang.regex_cursor import DIGITS, LETTERS, Cursor, RegexError

MOST_REPEATS = 1000
MOST_HEIGHT = 1000
MOST_SIZE = (128 << 20) // 40


@dataclass(slots=True)
class _Atom:
    """What a repetition may follow: the nested repetitions in it, its size and height."""

    weight: int = 1
    size: int = 1
    height: int = 1


@dataclass(slots=True)
class _Group:
    """An open parenthesis, or the whole pattern."""

    captures: bool = True
    atoms: list[_Atom] = field(default_factory=list)
    fresh: bool = True  # nothing stands here yet that could be repeated

    def add(self, atom: _Atom) -> None:
        self.atoms.append(atom)
        self.fresh = False

    def close(self) -> _Atom:
        extra = 2 if self.captures else 0
        return _Atom(
            weight=max((atom.weight for atom in self.atoms), default=1),
            size=sum(atom.size for atom in self.atoms) + extra,
            height=max((atom.height for atom in self.atoms), default=0) + (extra and 1),
        )


def check_anchored(pattern: str, *, angle_names: bool = False) -> None:
    """Hold `pattern` against Go's grammar, anchored at both ends as Alertmanager compiles it.

    `angle_names`: ``(?<name>…)`` is known, as Go does since 1.22.

    Raises:
        RegexError: Go does not compile it.
    """
    _Parser(f"^(?:{pattern})$", angle_names=angle_names).parse()


class _Parser(Cursor):
    def __init__(self, pattern: str, *, angle_names: bool) -> None:
        super().__init__(pattern)
        self._angle_names = angle_names
        self._groups = [_Group(captures=False)]

    def parse(self) -> None:
        repeated = False
        while self.at < len(self.text):
            repeated = self._step(repeated)
        if len(self._groups) != 1:
            message = "a parenthesis is not closed"
            raise RegexError(message)
        self._check_limits(self._groups[0].close())

    def _step(self, repeated: bool) -> bool:  # noqa: FBT001 - one fact of the step before
        """Take one element; whether it was a repetition."""
        character = self.text[self.at]
        if character in "*+?":
            self.at += 1
            bounds = {"*": (0, -1), "+": (1, -1), "?": (0, 1)}[character]
            self._repeat(bounds, counted=False, repeated=repeated)
            return True
        if character == "{":
            bounds_or_none = self._read_bounds()
            if bounds_or_none is not None:
                self._repeat(bounds_or_none, counted=True, repeated=repeated)
                return True
        self._take(character)
        return False

    def _take(self, character: str) -> None:
        match character:
            case "(":
                self._open()
            case ")":
                self._close()
            case "|":
                self.at += 1
                self._groups[-1].fresh = True
            case "[":
                self.skip_class()
                self._groups[-1].add(_Atom())
            case "\\":
                self._take_escape()
            case _:
                self.at += 1
                self._groups[-1].add(_Atom())

    def _open(self) -> None:
        rest = self.text[self.at :]
        if not rest.startswith("(?"):
            self.at += 1
            self._groups.append(_Group())
            self._check_height()
        elif rest.startswith("(?P<") and len(rest) > 4:  # noqa: PLR2004 - the four just read
            self._open_named(4)
        elif rest.startswith("(?<") and self._angle_names and rest[3:4] not in {"", "=", "!"}:
            self._open_named(3)
        else:
            self._take_flags(rest)

    def _open_named(self, skipped: int) -> None:
        begin = self.at + skipped
        end = self.text.find(">", begin)
        name = self.text[begin:end]
        if end < 0 or not name or not all(c == "_" or c in LETTERS + DIGITS for c in name):
            message = "the name of a group is not made of letters, digits and underscores"
            raise RegexError(message)
        self.at = end + 1
        self._groups.append(_Group())
        self._check_height()

    def _take_flags(self, rest: str) -> None:
        negated = saw = False
        for offset, character in enumerate(rest[2:], 2):
            if character in "imsU":
                saw = True
            elif character == "-" and not negated:
                negated, saw = True, False
            elif character in ":)" and (saw or not negated):
                self.at += offset + 1
                if character == ":":
                    self._groups.append(_Group(captures=False))
                return
            else:
                break
        message = (
            "Go has no look-around, atomic groups or conditionals: (?…) takes flags or P<name>"
        )
        raise RegexError(message)

    def _close(self) -> None:
        if len(self._groups) == 1:
            message = "a closing parenthesis has no opening one"
            raise RegexError(message)
        self.at += 1
        atom = self._groups.pop().close()
        self._check_limits(atom)
        self._groups[-1].add(atom)

    def _read_bounds(self) -> tuple[int, int] | None:
        """The numbers of ``{n}``, ``{n,}`` or ``{n,m}``; None where the brace is a literal one."""
        end = self.text.find("}", self.at)
        first, comma, second = self.text[self.at + 1 : max(end, 0)].partition(",")
        if end < 0 or not _is_number(first) or (second and not _is_number(second)):
            return None
        low = int(first[:9])
        high = (int(second[:9]) if second else -1) if comma else low
        if low > MOST_REPEATS or high > MOST_REPEATS or 0 <= high < low:
            message = f"a repetition is not between 0 and {MOST_REPEATS}, or falls"
            raise RegexError(message)
        self.at = end + 1
        return low, high

    def _repeat(self, bounds: tuple[int, int], *, counted: bool, repeated: bool) -> None:
        if self.text[self.at : self.at + 1] == "?":
            self.at += 1
        if repeated:
            message = "two repetitions follow each other (Go has no possessive quantifiers)"
            raise RegexError(message)
        group = self._groups[-1]
        if group.fresh:
            message = "a repetition has nothing to repeat"
            raise RegexError(message)
        group.atoms[-1] = self._multiply(group.atoms[-1], bounds, counted=counted)

    def _multiply(self, atom: _Atom, bounds: tuple[int, int], *, counted: bool) -> _Atom:
        low, high = bounds
        times = low if high < 0 else high
        many = _Atom(
            weight=atom.weight,
            size=2 + atom.size if not counted else 1 + max(times, 1) * atom.size,
            height=atom.height + 1,
        )
        if counted:
            many.weight = 0 if high == 0 else max(times, 1) * atom.weight
            if (low >= 2 or high >= 2) and many.weight > MOST_REPEATS:  # noqa: PLR2004 - as Go does
                message = f"nested repetitions multiply to more than {MOST_REPEATS}"
                raise RegexError(message)
        self._check_limits(many)
        return many

    def _check_limits(self, atom: _Atom) -> None:
        if atom.size > MOST_SIZE or atom.height > MOST_HEIGHT:
            message = "it is too large or too deep"
            raise RegexError(message)

    def _check_height(self) -> None:
        if sum(group.captures for group in self._groups) > MOST_HEIGHT:
            message = "it is too deep"
            raise RegexError(message)

    def _take_escape(self) -> None:
        kind = self.text[self.at + 1 : self.at + 2]
        if kind == "Q":
            end = self.text.find("\\E", self.at + 2)
            end = len(self.text) if end < 0 else end
            for _ in range(self.at + 2, end):
                self._groups[-1].add(_Atom())
            self.at = min(end + 2, len(self.text))
            return
        if kind and kind in "AbBzdDsSwW":
            self.at += 2
        elif kind and kind in "pP":
            self.skip_property()
        else:
            self.read_escape()
        self._groups[-1].add(_Atom())


def _is_number(text: str) -> bool:
    """Digits without a leading zero, as Go's repetition bounds are."""
    return bool(text) and all(c in DIGITS for c in text) and (text == "0" or text[0] != "0")
