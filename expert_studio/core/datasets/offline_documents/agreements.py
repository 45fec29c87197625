"""Legal texts beside terms of service: contracts, notices, guidelines, memoranda, single clauses."""

# ruff: noqa: E501 - texts of documents stand on one line as they are read

from __future__ import annotations

from expert_studio.core.datasets.offline_documents.documents import Document, Family, Pen, families

_CLAUSES = """
Neither party shall be liable for any indirect or consequential damages arising out of this Agreement.
This Agreement shall be governed by the laws of {country}, without regard to its conflict of law principles.
The Supplier shall deliver the {slug} no later than {count} days after the Effective Date.
Either party may terminate this Agreement upon {count} days' written notice.
"Confidential Information" means any information disclosed by one party to the other that is marked as such.
The Customer shall pay all undisputed invoices within {count} days of receipt.
If any provision of this Agreement is held to be unenforceable, the remaining provisions remain in full force.
The Contractor assigns to the Company all right, title and interest in and to the {slug}.
No waiver of any term shall be deemed a further or continuing waiver of such term.
All notices under this Agreement must be in writing and sent to the address set out above.
Each party represents and warrants that it has full power and authority to enter into this Agreement.
The Licensee may not sublicense, sell or transfer the {slug} without prior written consent.
This Agreement constitutes the entire agreement between the parties and supersedes all prior understandings.
Any dispute arising from this Agreement shall be referred to arbitration in {city}.
The obligations of confidentiality survive termination for a period of {small} years.
The Supplier shall indemnify the Customer against any third-party claim concerning the {slug}.
"""
_PRIVACY = """
We collect your name, your email address and the {slug} you choose to share with us.
We do not sell your personal data, and we share it with others only as described in this notice.
You have the right to ask for a copy of your data, to have it corrected or to have it deleted.
Data about your {slug} stays on your device unless you turn on syncing.
We keep server logs, including IP addresses, for no more than {count} days.
You can opt out at any time in the settings under {slug}.
We receive technical data such as your operating system, language and version when you check for updates.
Our partners in {country} process payments on our behalf and see only what they need to.
This service is not directed to children under the age of thirteen.
If we make material changes to this notice, we will tell you before they take effect.
Cookies are used to keep you signed in and to count visits to the {slug} page.
For questions about this notice, write to our data protection officer in {city}.
When you contact support, we store your message and any {slug} you attach.
We may disclose information when we believe that the law requires it.
Crash reports are sent only with your permission and may contain the address of the open {slug}.
Under the law of {country} you may also complain to a supervisory authority.
"""
_RULES = """
use the {company} name in a way that suggests we endorse your product
upload {slug}s that infringe the copyright or the trademark of another person
describe accurately that your {slug} works with our services
harass, threaten or defame other users
attempt to gain access to a {slug} that is not yours
link to our website, provided that you do so fairly
change the colours or the proportions of the logo
send unsolicited messages to more than {count} people
share unmodified copies of the {slug} free of charge
use our services if the export laws of {country} forbid it
register a domain name that contains our marks
resell access to the {slug} without a written agreement
"""
_POLICY = """
Each agency shall appoint an official who is responsible for the {slug} inventory.
This policy applies to all contracts awarded after {date}.
Departments must publish at least {percent} percent of newly developed {slug}s each year.
Exceptions may be granted where national security or privacy so requires.
Within {count} days of the publication of this memorandum, agencies shall report on their progress.
The Office will assess compliance with these requirements once a year.
Procurement officials shall acquire sufficient rights in any custom-made {slug}.
For the purposes of this directive, a {slug} includes its documentation.
Nothing in this policy alters the obligations of agencies under existing statute.
Agencies should consider existing solutions before a new {slug} is bought or developed.
This guidance rescinds the directive of {year} on the same subject.
The provisions of section {small} do not apply to the intelligence community.
"""


def _contract(pen: Pen) -> Document:
    kind = pen.one("Non-Disclosure Agreement", "Services Agreement", "Contributor License Agreement",
                   "Loan Agreement", "Reseller Agreement", "Lease")  # fmt: skip
    parts = [
        f"{number}. {pen.one('Definitions', 'Term', 'Payment', 'Confidentiality', 'Liability', 'General')}\n\n"
        f"{number}.1 {first}\n{number}.2 {second}"
        for number, (first, second) in enumerate(_pairs(pen.lines(_CLAUSES, 6)), start=1)
    ]
    head = f'{kind.upper()}\n\nThis {kind} ("Agreement") is entered into as of {pen.word("date")} between {pen.word("company")} and {pen.word("person")}.\n\n'
    return Document(
        pen.one(f"{_file(kind)}.txt", f"contracts/{_file(kind)}.md", ""),
        head + "\n\n".join(parts),
        "en",
    )


def _notice(pen: Pen) -> Document:
    asked = (
        "What do we collect?",
        "How do we use it?",
        "Who sees it?",
        "What are your rights?",
        "Changes",
    )
    lines = _pairs(pen.lines(_PRIVACY, 8))
    body = "\n\n".join(f"## {asked[at]}\n\n{one} {two}" for at, (one, two) in enumerate(lines))
    kind = pen.one("Privacy Notice", "Privacy Statement", "Cookie Notice", "Data Protection Notice")
    return Document(
        pen.one(f"{_file(kind)}.md", f"site/{_file(kind)}.md", ""),
        f"# {pen.word('company')} {kind}\n\nEffective {pen.word('date')}\n\n{body}",
        "en",
    )


def _guidelines(pen: Pen) -> Document:
    lines = pen.lines(_RULES, 6)
    may = "\n".join(f"* {line}" for line in lines[:3])
    not_may = "\n".join(f"* {line}" for line in lines[3:])
    kind = pen.one("Trademark Guidelines", "Acceptable Use", "Brand Policy", "Conditions of Use")
    text = f"# {kind}\n\nThese {kind.lower()} tell you what you may do with the services and marks of {pen.word('company')}.\n\n## You may\n\n{may}\n\n## You may not\n\n{not_may}"
    return Document(pen.one(f"{_file(kind)}.md", f"legal/{_file(kind)}.md", ""), text, "en")


def _memorandum(pen: Pen) -> Document:
    number = f"M-{pen.number(10, 26)}-{pen.number(1, 30):02d}"
    parts = "\n\n".join(
        f"### {at}. {title}\n\n{pen.text(_POLICY, 2, 3)}"
        for at, title in enumerate(("Purpose", "Scope", "Requirements", "Implementation"), start=1)
    )
    return Document(
        pen.one(f"policy/{number.lower()}.md", "policy.md", f"{pen.slug()}-directive.txt", ""),
        f"MEMORANDUM {number}\n\nSUBJECT: Policy on {pen.slug()}s and {pen.slug()}s\n\n{parts}",
        "en",
    )


def _clause(pen: Pen) -> Document:
    """From the middle of a long text: it has no heading to go by."""
    letters = "abcdefgh"
    lines = pen.lines(pen.one(_CLAUSES, _PRIVACY, _POLICY), pen.number(3, 6))
    marked = pen.one("({mark})", "{section}.{number}", "**{section}.{number}**", "")
    section = pen.number(2, 15)
    body = "\n\n".join(
        f"{marked.format(mark=letters[at], section=section, number=at + 1)} {line}".strip()
        for at, line in enumerate(lines)
    )
    return Document(pen.one(f"agreements/{pen.slug()}.md#{section}", ""), body, "en")


def _pairs(lines: list[str]) -> list[tuple[str, str]]:
    return list(zip(lines[::2], lines[1::2], strict=False))


def _file(kind: str) -> str:
    return kind.lower().replace(" ", "-")


FAMILIES: tuple[Family, ...] = families(
    "legal",
    {
        "contract": _contract,
        "notice": _notice,
        "guidelines": _guidelines,
        "memorandum": _memorandum,
        "clause": _clause,
    },
    {},
)
