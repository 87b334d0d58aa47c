"""What is sent to a cluster: the words as they were given, no secrets, no paths from here."""

from dataclasses import dataclass, field

import pytest

from longriver.jobs.actions import Actions
from longriver.jobs.cli import main
from longriver.jobs.submit_config import JobQuestion, JobsConfig, Submission

ADDRESS = "cluster.address=http://head:8265"
ORDER = ("submit", "score", "data.path=/d", "output.path=/r")


@dataclass
class Desk:
    """Stands where the cluster is."""

    orders: list[Submission] = field(default_factory=list)
    questions: list[tuple[str, JobsConfig]] = field(default_factory=list)

    @property
    def actions(self) -> Actions:
        return Actions(submit=self._take, ask_cluster=self._ask)

    def _take(self, order: Submission) -> int:
        self.orders.append(order)
        return 3

    def _ask(self, question: str, config: JobsConfig) -> int:
        self.questions.append((question, config))
        return 0


def submitted(*words: str) -> Submission:
    desk = Desk()
    assert main([*ORDER, ADDRESS, *words], desk.actions) == 3
    return desk.orders[0]


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    desk = Desk()
    assert main(words, desk.actions) == 2
    out, err = capsys.readouterr()
    assert out == "" and not (desk.orders or desk.questions)
    assert err.startswith("longriver: error: ") and err.count("\n") == 1
    return err.removeprefix("longriver: error: ").rstrip("\n")


@pytest.mark.parametrize("words", [("a", "b"), ("a", "id=b"), ("id=a", "id=b")])
def test_a_question_is_about_one_job(
    capsys: pytest.CaptureFixture[str], words: tuple[str, str]
) -> None:
    said = refusal(capsys, "submit", "stop", *words, ADDRESS)
    assert said == "submit stop is for one job at a time, not for a, b"


def test_an_order_is_sent_as_it_was_written_for_a_driver_inside_the_cluster() -> None:
    words = (
        "data.path=/my texts/it's=a.txt",
        "engine.num_slots=4",
        "cluster=ray",
        "job.token_nll=true",
    )
    order = submitted(*words, "submit.id=mine", "submit.follow=false", "submit.wheel=none")
    assert order.words == (
        "score",
        "data.path=/d",
        "output.path=/r",
        "data.path=/my texts/it's=a.txt",
        "engine.num_slots=4",
        "job.token_nll=true",
        "cluster.kind=ray",
        "cluster.address=auto",
    )
    assert order.output_path == "/r"
    assert order.hand_in.cluster.address == "http://head:8265"
    assert order.hand_in.submit.model_dump() == {"wheel": "none", "id": "mine", "follow": False}


def test_several_jobs_in_one_pass_can_be_submitted() -> None:
    desk = Desk()
    words = ["submit", "run", "job=[score,embed]", "data.path=/d", "output.path=/r", ADDRESS]
    assert main(words, desk.actions) == 3
    assert desk.orders[0].words[:2] == ("run", "job=[score,embed]")


def test_the_environment_is_that_of_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OF_THE_CLUSTER", raising=False)
    options = "output.storage_options={key:${oc.env:OF_THE_CLUSTER},anon:false}"
    assert options in submitted(options).words
    assert (
        "data.path=${oc.env:OF_THE_CLUSTER}"
        in submitted("data.path=${oc.env:OF_THE_CLUSTER}").words
    )
    monkeypatch.setenv("HEAD", "http://head:8265")
    assert submitted("cluster.address=${oc.env:HEAD}").hand_in.cluster.address == "http://head:8265"


@pytest.mark.parametrize(
    "options",
    [
        "{key:canary-word}",
        "{key:12345}",
        '{key:"${oc.env:HERE,canary-word}"}',
        '{key:"Bearer ${oc.env:HERE}"}',
        "{client_kwargs:{password:canary-word}}",
        '{endpoint_url:"http://canary:word@minio"}',
        '{sas:"https://store/x?sig=canary-word"}',
    ],
)
@pytest.mark.parametrize("part", ["data", "output"])
def test_a_secret_in_so_many_words_is_refused_and_not_repeated(
    capsys: pytest.CaptureFixture[str], part: str, options: str
) -> None:
    said = refusal(capsys, *ORDER, ADDRESS, f"{part}.storage_options={options}")
    assert "${oc.env:NAME}" in said
    assert "canary" not in said and "12345" not in said


@pytest.mark.parametrize(
    "options", ['{endpoint_url:"http://minio:9000",anon:true,key:null}', "null", "{}"]
)
def test_addresses_and_switches_may_travel(options: str) -> None:
    assert (
        f"output.storage_options={options}" in submitted(f"output.storage_options={options}").words
    )


PATHS = (
    "data.path",
    "output.path",
    "model.path",
    "model.lora",
    "model.state",
    "model.tokenizer",
    "model.vocab",
)


SECRET_URLS = (
    ("sftp://me:canary@host/x", "a password in it"),
    ("https://canary@host/x", "a password in it"),
    ("simplecache::https://me:canary@host/x", "a password in it"),
    ("https://host/x?X-Amz-Date=1&X-Amz-Signature=canary", "something behind its path"),
    ("'https://host/x?canary'", "something behind its path"),
    ("https://host/x#token=canary", "something behind its path"),
    ("az://container/x?sv=1&sig=canary", "something behind its path"),
    ("az://container/x?sig=${oc.env:HERE,canary}", "something behind its path"),
)


@pytest.mark.parametrize(
    ("key", "url", "what"),
    [
        *(("data.path", *case) for case in SECRET_URLS),
        *((key, *case) for key in PATHS[1:] for case in (SECRET_URLS[0], SECRET_URLS[3])),
    ],
)
def test_a_secret_in_a_url_is_refused_and_not_repeated(
    capsys: pytest.CaptureFixture[str], key: str, url: str, what: str
) -> None:
    said = refusal(capsys, *ORDER, ADDRESS, f"{key}={url}")
    assert said.startswith(f"{key} has {what}") and "canary" not in said
    assert f"'{key}=${{oc.env:NAME}}'" in said


@pytest.mark.parametrize(
    "url",
    [
        "s3://bucket/dt=2024-0?/part-?.parquet",
        "abfs://container@account.dfs.core.windows.net/x",
        "sftp://me@host/x",
        "hf://datasets/owner/name@main/x.parquet",
        "sftp://me:${oc.env:PASSWORD}@host/x",
        "https://host/x?sig=${oc.env:SIGNATURE}",
    ],
)
def test_a_url_without_a_secret_may_travel(url: str) -> None:
    assert f"data.path={url}" in submitted(f"data.path={url}").words


def test_a_question_mark_in_a_template_is_no_signature() -> None:
    words = ["submit", "evaluate", "data.path=/d", "output.path=/r", ADDRESS]
    template = "job.context=See https://host/?q={goal} Answer:"
    desk = Desk()
    judged = ["job.task=likelihood", "job.continuation={sol}"]
    assert main([*words, template, *judged], desk.actions) == 3
    assert template in desk.orders[0].words


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("data.path=texts", "data.path=texts depends on where one stands, and the job stands else"),
        ("output.path=runs/score", "output.path=runs/score depends on where one stands"),
        ("output.path=~/x", "output.path=~/x depends on where one stands"),
        ("model.path=a.pth", "model.path=a.pth depends on where one stands"),
        ("model.tokenizer=t.json", "model.tokenizer=t.json depends on where one stands"),
        ("model.vocab=v.txt", "model.vocab=v.txt depends on where one stands"),
        ("cluster.kind=local", "cluster.kind=local has no effect: a submitted order is done by"),
        ("cluster=local", "cluster=local has no effect: a submitted order is done by"),
        ("cluster.num_workers=0", "cluster.num_workers=0 cannot be used; give at least 1"),
        ("engin.num_slots=4", "unknown key engin.num_slots; did you mean engine.num_slots?"),
        ("submit.wheel=x.whl", "submit.wheel=x.whl cannot be used; give auto or none"),
        ("submit.ids=x", "unknown key submit.ids; did you mean submit.id?"),
        ("submit.id=a/b", "submit.id=a/b cannot be used; give up to 80 letters, digits, dots"),
        ("submit.follow=maybe", "submit.follow=maybe cannot be used; give true or false"),
        ("--multirun", "--multirun cannot be submitted: a submission is one job"),
        ("--config-dir=x", "--config-dir=x cannot be submitted: its files stay on this machine"),
        ("data.path=${oc.envy:X}", "data.path cannot be resolved: Unsupported interpolation type"),
        ("cluster.address=auto", "cluster.address=auto is not where jobs are handed in; give"),
        ("cluster.address=gpu1:6379", "cluster.address=gpu1:6379 is not where jobs are handed in"),
        ("cluster.address=ray://gpu1:10001", "cluster.address=ray://gpu1:10001 is not where jobs"),
    ],
)
def test_a_bad_order_is_refused_before_anything_is_sent(
    capsys: pytest.CaptureFixture[str], word: str, sentence: str
) -> None:
    assert refusal(capsys, *ORDER, ADDRESS, word).startswith(sentence)


def test_the_address_of_the_dashboard_is_guessed_from_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for given in ("gpu1:6379", "ray://gpu1:10001", "gpu1"):
        said = refusal(capsys, *ORDER, f"cluster.address={given}")
        assert said.endswith("such as http://gpu1:8265")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("submit scor", "submit scor: there is no such job or question; did you mean score?"),
        ("submit stat", "submit stat: there is no such job or question; did you mean status?"),
        ("submit plan", "submit plan: there are the jobs score"),
        ("submit data.path=x", "data.path=x stands where a job should; write longriver submit sc"),
        ("submit score data.path=/d output.path=/r", "cluster.address is missing; say which, such"),
        ("submit status x", "cluster.address is missing; say which, such as cluster.address=http"),
        (f"submit status {ADDRESS}", "id is missing; say which, such as id=VALUE"),
        (f"submit stop x/y {ADDRESS}", "id=x/y cannot be used; give up to 80 letters, digits, do"),
        (f"submit list x {ADDRESS}", "x is not KEY=VALUE; write cluster.address=x"),
        (f"submit list data.path=x {ADDRESS}", "unknown key data.path; there are cluster"),
        ("submit logs x cluster.address=auto", "cluster.address=auto is not where jobs are hand"),
    ],
)
def test_a_bad_errand_is_told_what_there_is(
    capsys: pytest.CaptureFixture[str], words: str, sentence: str
) -> None:
    assert refusal(capsys, *words.split()).startswith(sentence)


@pytest.mark.parametrize("question", ["status", "logs", "stop"])
@pytest.mark.parametrize("name", ["books-1a2b3c.2", "123", "1e5"])
def test_a_job_is_named_with_or_without_its_key(question: str, name: str) -> None:
    desk = Desk()
    for word in (name, f"id={name}"):
        assert main(["submit", question, word, ADDRESS], desk.actions) == 0
    asked, config = desk.questions[0]
    assert desk.questions[1] == (asked, config)
    assert isinstance(config, JobQuestion) and (asked, config.id) == (f"submit {question}", name)


def test_all_jobs_are_asked_for_without_a_name() -> None:
    desk = Desk()
    assert main(["submit", "list", ADDRESS], desk.actions) == 0
    assert desk.questions[0][0] == "submit list"


@pytest.mark.parametrize("words", [["submit"], ["submit", "--help"], ["submit", "score", "--help"]])
def test_help_says_how(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert main(words, Desk().actions) == 0
    assert "usage: longriver submit JOB data.path=PATH" in capsys.readouterr().out


def test_a_run_here_is_not_given_the_address_of_a_dashboard(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = refusal(capsys, "score", "data.path=x", "cluster.kind=ray", ADDRESS)
    assert "write longriver submit JOB" in said
