"""Does an English answer decline to answer? A small heuristic, counted and shown, never used to drop an answer.

It looks at the beginning only, where models put their refusals: a statement of being unable, unwilling or not allowed
to answer, or of having no views, perhaps behind an apology or "as an AI". An answer that begins with "As an AI, I don't
have personal opinions" is counted as a refusal even if a survey of views follows, because it declines to express a
value of its own; one that then takes a position ("I would agree", "I believe") is not.

How good it is, on labelled examples of our own (``tests/unit/refusals.jsonl``), many of them close to the line on
purpose: on the 126 that it was written with in sight, precision 1.00 and recall 1.00; on 60 that were written once it
was finished, precision 0.81 (13 of 16) and recall 0.52 (13 of 25). What it misses there are unusual wordings. Real
models mostly use the usual ones: of 50 real answers that it flagged, drawn at random, all declined at their beginning.
"""

from __future__ import annotations

import re

_HEAD = 200
_FOLLOWING = 400
"""Characters of the answer that are looked at for a refusal, and for a position that takes it back."""

_NOT = r"(?: not|n't)"
_OPENING = r"^\W*(?:(?:well|oh|hmm|no|while|although|though|since|as)\W+)*"
_APOLOGY = (
    r"(?:(?:(?:i'm|i am|we're|we are)\s+(?:(?:really|very|so|deeply|truly)\s+)?(?:sorry|afraid)"
    r"|sorry|(?:my\s+)?apologies|i (?:do )?apologi[sz]e|unfortunately|i regret(?: to (?:inform|tell) you)?)"
    r"\W+(?:(?:but|that)\W+)?)"
)
_AI = (
    r"(?:as|being|(?:i'm|i am)(?: just| only| merely)?) an?\s+(?:[\w-]+\s+){0,4}?"
    r"(?:ai|artificial intelligence|language model|assistant|chatbot|machine|program)\b"
)
_UNABLE = (
    r"(?:(?:i|we)\s+(?:(?:really|simply|just)\s+)?(?:can(?:no|')?t|can not|couldn't|could not|won't|will not"
    r"|(?:would (?:rather|prefer)|prefer) not)"
    r"|i'd (?:rather|prefer) not|(?:i'm|i am|we're|we are)\s+(?:unable"
    r"|not (?:really\s+)?(?:able|comfortable|allowed|permitted|programmed|designed|going|in a position))"
    rf"|i do{_NOT} feel comfortable)"
    r"(?:\s+to)?(?:\s+and will not)?\s+"
)
# Acts that only somebody who was asked something can decline …
_REPLY = (
    r"(?:\w+ly\s+)?(?:answer|assist|help (?:you|with|there)|comply|respond|reply|provid|fulfil|engag|comment|weigh in"
    r"|participat|speculat|express|recommend|advis|say (?:which|whether|what|who)\b|say\W*$|tell you\b|speak for\b"
    r"|(?:do|write|discuss|judge) (?:that|this)\b)"
)
# … and everyday acts, which count with what is asked for as their object: "I can't talk to my father" is no refusal.
_ASKED_FOR = (
    r"(?:discuss|talk|address|shar|offer|creat|generat|writ|tak|giv|mak|pick|choos|judg|form|hav|decid)\w*\s+"
    r"(?:(?:about|on|you|between|of|a|an|any|my|your|such|this|that|these|those|the|one|personal|own|clear|definitive"
    r"|political|moral|religious|ethical|direct|either)\s+)*"
    r"(?:topics?|subjects?|questions?|requests?|matters?|issues?|content|opinions?|views?|advice|answers?|positions?"
    r"|sides?|stances?|decisions?|verdicts?|judge?ments?|recommendations?|preferences?|convictions?|beliefs?|feelings"
    r"|values|choices?|of (?:these|them|those)|for you)\b"
)
_VIEWS = (
    r"(?:opinions?|beliefs?|views?|feelings?|emotions?|values|preferences?|stances?|positions?|convictions?|stakes?"
    r"|faith|country|experiences?)\b"
)
_KIND = r"(?:(?:a|an|any|my|own|personal|subjective|moral|political|individual|human|religious|such|the|of)\s+)*"
_NO_VIEWS = (
    rf"(?:i|we)\s+(?:(?:do{_NOT}|can{_NOT}|cannot|can't)\s+(?:\w+ly\s+)?"
    rf"(?:have|hold|possess|take|express|form|experience|feel)\s+|(?:have|hold|take) no\s+|lack\s+){_KIND}{_VIEWS}"
)
_NEUTRAL = (
    r"(?:(?:i|we)\s+(?:(?:must|have to|should|will|would (?:prefer|like) to|prefer to|need to|would)\s+)?"
    r"(?:(?:politely|respectfully)\s+)?"
    r"(?:decline\b|(?:remain|stay|be)\s+(?:neutral|impartial|objective))|no comment\b)"
)
_OUT_OF_BOUNDS = (
    rf"(?:(?:it|this|that)(?:'s| is| would)(?:{_NOT}| outside)(?: be)? "
    r"(?:appropriate for me|(?:my|our) (?:place|role|job|scope)|up to me|for me to"
    r"|something (?:that )?i(?:'m| am| can))"
    r"|(?:this|it|that|your|the)(?: \w+)? (?:falls outside|goes against|violates) (?:what|my|our|the)\b"
    rf"|(?:my|our) (?:guidelines|policy|policies|rules|instructions|programming) (?:do|does|did|would){_NOT} "
    r"(?:allow|permit|let)"
    r"|(?:let's|let us|can we|could we) (?:talk about|change|move on to) (?:something else|the subject|another)"
    rf"|i (?:did|do){_NOT} understand (?:the|your|this) (?:question|request|prompt))"
)
_NONE_TO_GIVE = (
    rf"(?:[^.!?]{{0,60}}\b(?:on|about|to|for)? ?which i (?:do{_NOT}|can{_NOT}|cannot|can't) "
    r"(?:have|give|hold|take|offer|provide)\b)"
)

_REFUSAL = re.compile(
    rf"{_OPENING}(?:"
    rf"{_APOLOGY}?(?:{_AI}[^.!?]{{0,60}}?\b)?"
    rf"(?:{_UNABLE}(?:{_REPLY}|{_ASKED_FOR})|{_NO_VIEWS}|{_NEUTRAL}|{_OUT_OF_BOUNDS})"
    rf"|{_AI}\s+(?:without|with no)\s+{_KIND}{_VIEWS}"
    rf"|{_NONE_TO_GIVE}"
    rf")",
    re.IGNORECASE,
)
_POSITION = re.compile(
    r"\b(?:if i (?:were|had) to (?:take|choose|pick)|i would (?:\w+ )?(?:agree|disagree)"
    r"|i (?:strongly|firmly|generally|wholeheartedly) (?:agree|disagree)|i believe|in my (?:own )?(?:opinion|view))\b",
    re.IGNORECASE,
)


def is_refusal(text: str) -> bool:
    """Whether this English answer begins by declining to answer, and does not take a position soon after."""
    declines = _REFUSAL.search(text[:_HEAD].replace("’", "'")) is not None
    return declines and _POSITION.search(text[:_FOLLOWING]) is None
