"""Attempts on files: homes, the exchange, hidden tests, the Hub's state, and paths in every interface to files."""

from __future__ import annotations

import shutil
from typing import Any

from attacks.hub.attempt import Act, Attack, shell
from attacks.hub.hub_api import visit
from attacks.hub.scene import ATTACKER, EXCHANGE, SECRET, VICTIM, Scene

from coursekit.grading import collect

_PLACES = "/home /srv /tmp /mnt /media /opt/requirements /root /run /var $COURSEKIT_CACHE/datasets"
_OWN = f"/user/{ATTACKER}"


def own(path: str, *, method: str = "GET", **options: Any) -> Act:
    """Ask the attacker's own server with its token, as written: nothing tidies the path."""
    return lambda scene: scene.ask(method, f"{scene.url}{_OWN}/{path}", **options)


def _path(title: str, path: str, control: str) -> Attack:
    return Attack(
        title=f"read a file of the system by {title}",
        attempt=own(path),
        seen="^(400|403|404|405|500)",
        control=own(control),
        allowed=r"^200|root:x:0",
    )


def _looking(title: str, command: str, control: str) -> Attack:
    """Look for something everywhere; nothing is found."""
    return Attack(
        title=title,
        attempt=shell(f"{command} 2>/dev/null; echo looked"),
        seen=r"^looked\n",
        control=shell(control),
        allowed="(?m)^[/~]",
    )


def _writing(title: str, command: str) -> Attack:
    return Attack(
        title=title,
        attempt=shell(f"({command}) 2>&1 && echo written"),
        seen="Read-only|denied|No such|Invalid cross-device|not permitted|cannot",
        control=shell(f"touch {EXCHANGE}/inbound/x && rm {EXCHANGE}/inbound/x && echo written"),
        allowed=r"(?m)^written$",
    )


def handed_in(plant: str, folder: str = "mal+a1+2027-01-01 00:00:00.000000 UTC+x") -> Act:
    """Hand in a submission that was tampered with, collect, and see what the instructor gets."""

    def act(scene: Scene) -> str:
        inbound = f"{EXCHANGE}/inbound"
        scene.run(f'cd {inbound}; for each in *; do [[ -e ~/model/$each ]] || rm -rf -- "$each"; done')
        made = scene.run(f"cp -r ~/model/* ~/new && cd ~/new && {plant} && mv ~/new {inbound}/'{folder}'; rm -rf ~/new")
        grading = scene.hub.settings.grading
        submitted = grading.course_dir / "submitted"
        shutil.rmtree(submitted / ATTACKER, ignore_errors=True)
        collected = {each.student for each in collect(grading, "a1")}
        found = [path for path in (submitted / ATTACKER).rglob("*") if not path.is_dir()]
        links = [path.name for path in found if not path.is_file() or path.is_symlink()]
        leaked = [path.name for path in found if path.is_file() and b"root:" in path.read_bytes()]
        theirs = (submitted / VICTIM / "a1" / "a1.ipynb").read_text()
        good = theirs == (grading.outbound / "a1" / "a1.ipynb").read_text()
        return f"{made} collected {sorted(collected)}; links {links}; leaked {leaked}; victim's own: {good}"

    return act


def _submission(title: str, plant: str, folder: str = "mal+a1+2027-01-01 00:00:00.000000 UTC+x") -> Attack:
    return Attack(
        title=f"hand in {title}",
        attempt=handed_in(plant, folder),
        seen=r"exit 0 collected \['mal', 'vic'\]; links \[\]; leaked \[\]; victim's own: True",
        control=handed_in("touch a1.ipynb && echo root: > note.txt"),
        allowed=r"leaked \['note.txt'\]",
    )


def _acted(action: str, **form: str) -> Act:
    """Use the Assignment List, and see what is new outside the student's home."""
    given = {"course_id": "ml-resources", "assignment_id": "a1", **form}

    def act(scene: Scene) -> str:
        scene.run("touch ~/before; sleep 0.1")
        said = visit(f"{_OWN}/assignments/{action}", method="POST", data=given)(scene)
        new = scene.run(
            "find /srv /etc /opt /mnt /home -cnewer ~/before -type f -not -path '/home/student/*' 2>/dev/null; true"
        )
        leaked = scene.run(f"grep -rl {SECRET} ~")
        scene.run(f"cd {EXCHANGE}/inbound && find . -mindepth 1 -maxdepth 1 -cnewer ~/before -exec rm -rf {{}} +")
        return f"answered {said[:3]}; new: {new}leaked: {leaked}"

    return act


def _list(action: str, **form: str) -> Attack:
    return Attack(
        title=f"{action} a path by the Assignment List, {next(iter(form.items()))}",
        attempt=_acted(action, **form),
        seen=r"^answered (200|4..|500); new: \nexit 0leaked: \nexit 1$",
        control=_acted("submit"),
        allowed="(?m)new: /srv/.*inbound",
    )


FILES = [
    _looking("find anything of the victim's", f"grep -rl {SECRET} {_PLACES}", "grep -rl '^mine' ~/secret"),
    _looking(
        "find the gradebook",
        "find / -name 'gradebook.db' -not -path '/proc/*' -not -path '/opt/venv/*'",
        "find ~ -name secret",
    ),
    _looking(
        "find the Hub's secrets",
        "find / \\( -name cookie_secret -o -name passwords.json -o -name 'jupyterhub.sqlite*' \\) -not -path '/proc/*'",
        "find ~ -name secret",
    ),
    _looking(
        "find hidden tests or solutions",
        f"grep -rlE '### (BEGIN HIDDEN TESTS|BEGIN SOLUTION)' {_PLACES}",
        f"grep -rl nbgrader {EXCHANGE}/outbound/a1",
    ),
    _looking(
        "find the answers that the tests are tried with",
        "find / \\( -path '*/wrong/half.py' -o -path '*/assignments/a1/a1.ipynb' \\) -not -path '/proc/*'",
        "find ~ -name a1.ipynb",
    ),
    _looking("find other homes", "find /home -mindepth 1 -maxdepth 1 -not -name student", "find /home -maxdepth 1"),
    _looking(
        "see the Hub's secrets in its environment",
        "env | grep -v COOKIE_HOST_PREFIX | grep -iE 'CONFIGPROXY|DOCKER_|COOKIE|PASSWORD|CRYPT'",
        "echo /$HOME",
    ),
    _writing("write to what was released", f"echo x > {EXCHANGE}/outbound/a1/a1.ipynb"),
    _writing("remove what was released", f"rm -rf {EXCHANGE}/outbound/a1"),
    _writing("release something", f"mkdir {EXCHANGE}/outbound/a9"),
    _writing("write its own feedback", f"echo x > {EXCHANGE}/feedback/x"),
    _writing("hand in as another by a folder beside its own", f"mkdir {EXCHANGE}/inbound/../vic"),
    _writing("put another folder where the exchange is", f"mv {EXCHANGE}/outbound {EXCHANGE}/old"),
    _writing("link a file of the system into its home", "ln /etc/passwd ~/hard"),
    _path("the contents of Jupyter", "api/contents/..%2f..%2fetc%2fpasswd?content=1", "api/contents/secret?content=1"),
    _path("the contents of Jupyter, from the root", "api/contents/%2fetc%2fpasswd?content=1", "api/contents/secret"),
    _path(
        "the contents of Jupyter, written twice",
        "api/contents/%252e%252e%2f%252e%252e%2fetc%2fpasswd",
        "api/contents/secret",
    ),
    _path("Jupyter's files", "files/..%2f..%2fetc%2fpasswd", "files/secret"),
    _path("Jupyter's view", "view/..%2f..%2fetc%2fpasswd", "files/secret"),
    _path("nbconvert", "nbconvert/html/..%2f..%2fetc%2fpasswd", "nbconvert/html/a1/a1.ipynb"),
    _path("the server's own files", "static/..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd", "static/favicons/favicon.ico"),
    _path("the workspaces of JupyterLab", "lab/api/settings/..%2f..%2fetc%2fpasswd", "lab/api/settings"),
    _path("JupyterLab's extensions", "lab/extensions/..%2f..%2f..%2fetc%2fpasswd", "api/status"),
    Attack(
        title="read a file of the Hub's host by the Hub's own files",
        attempt=lambda scene: scene.ask(
            "GET", f"{scene.url}/hub/static/..%2f..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd"
        ),
        seen="^(400|403|404)",
        control=lambda scene: scene.ask("GET", f"{scene.url}/hub/logo"),
        allowed="^200",
    ),
    _submission(
        "a link to the host's passwords", "rm a1.ipynb && ln -s /etc/shadow a1.ipynb && ln -s /etc/passwd x.txt"
    ),
    _submission("a link to the host's root", "ln -s / all"),
    _submission("a link for the time", "rm timestamp.txt && ln -s /etc/passwd timestamp.txt"),
    _submission("a link for the secret", "rm submission_secret.txt && ln -s /etc/passwd submission_secret.txt"),
    _submission("noise for the time", "head -c 1000 /dev/urandom > timestamp.txt"),
    _submission("pipes that nobody writes to", "mkfifo pipe && rm timestamp.txt && mkfifo timestamp.txt"),
    _submission("500 folders in each other", "mkdir -p $(python -c 'print(\"d/\" * 500)')"),
    _submission(
        "as the victim, by the name of the folder", "echo '{}' > a1.ipynb", "vic+a1+2027-01-01 00:00:00.000000 UTC+x"
    ),
    _submission("for a time that there is not", "echo x > y", "mal+a1+9999-99-99 00:00:00.000000 UTC+x"),
    _submission("under a name with a new line", "echo x > y", "vic\n+a1+2027-01-01 00:00:00.000000 UTC+x"),
    _list("fetch", assignment_id="../../../../../etc"),
    _list("fetch", course_id="../../../../etc"),
    _list("submit", assignment_id="../.."),
    _list("fetch_feedback", assignment_id="../../../vic"),
]
