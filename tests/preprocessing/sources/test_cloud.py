"""Tables over HTTP from a server on this machine: as S3 objects, and as files of a web server."""

import gzip
import io
from collections.abc import Iterator

import polars as pl
import pytest

from m6rec_cli.preprocessing import fingerprints, tables
from m6rec_cli.preprocessing.local_copies import local_tables
from m6rec_cli.system.progress import SilentReporter
from tests.file_server import FileServer, serving
from tests.preprocessing.sources.opening import FRAME, opened, read, refusal

CSV = FRAME.write_csv().encode()


@pytest.fixture(scope="module")
def s3() -> Iterator[FileServer]:
    with serving() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", server.url)
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("AWS_REGION", "us-east-1")
        patch.setenv("AWS_ALLOW_HTTP", "true")
        parquet, ipc = io.BytesIO(), io.BytesIO()
        FRAME.write_parquet(parquet)
        FRAME.write_ipc(ipc)
        server.files |= {
            "shop/my events.parquet": parquet.getvalue(),
            "shop/log/event=buy/0.parquet": parquet.getvalue(),
            "shop/log/event=view/0.parquet": parquet.getvalue(),
            "shop/events.arrow": ipc.getvalue(),
            "shop/events.csv": CSV,
            "shop/events.tsv": FRAME.write_csv(separator="\t").encode(),
            "shop/events.csv.gz": gzip.compress(CSV, mtime=0),
            "shop/events.jsonl": FRAME.write_ndjson().encode(),
            "shop/events.json": b'[{"user":"a","item":"007"},\n{"user":"b","item":"y"}]',
            "shop/days/1.csv": CSV,
            "shop/days/2.csv": b"item;user\nz;c\n".replace(b";", b","),
            "shop/empty.csv": b"",
            "shop/latin.csv": "user,item\nä,x\n".encode("latin-1"),
            "shop/broken.parquet": b"not Parquet at all",
            "shop/events.pdf": b"",
            "secret/events.csv": CSV,
        }
        yield server


@pytest.mark.parametrize(
    "name",
    [
        "my events.parquet",
        "events.arrow",
        "events.csv",
        "events.tsv",
        "events.csv.gz",
        "events.jsonl",
        "events.json",
    ],
)
def test_formats_are_read_from_s3_and_from_a_web_server(s3: FileServer, name: str) -> None:
    assert read(f"s3://shop/{name}").rows() == FRAME.rows()
    assert read(f"{s3.url}/shop/{name.replace(' ', '%20')}").rows() == FRAME.rows()


def test_credentials_of_the_environment_sign_requests(s3: FileServer) -> None:
    s3.n_signed = 0
    read("s3://shop/events.csv")
    assert s3.n_signed > 0


def test_web_addresses_may_have_a_query(s3: FileServer) -> None:
    assert read(f"{s3.url}/shop/events.csv?token=a.b").rows() == FRAME.rows()


@pytest.mark.parametrize("address", ["s3://shop/log/", "s3://shop/log/**/*.parquet"])
def test_parquet_folders_have_their_partitions(s3: FileServer, address: str) -> None:
    got = read(address)
    assert got["event"].to_list() == ["buy", "buy", "view", "view"]
    assert got["user"].to_list() == ["a", "b", "a", "b"]


def test_globs_of_text_are_one_table(s3: FileServer) -> None:
    s3.files |= {"shop/same/1.csv": CSV, "shop/same/2.csv": CSV}
    with opened("s3://shop/same/*.csv") as table:
        assert table.frame.collect()["user"].to_list() == ["a", "b", "a", "b"]
        assert (table.path, table.n_rows) == ("s3://shop/same/*.csv", 4)


def test_many_lines_keep_their_order(s3: FileServer) -> None:
    n = 50_000
    lines = "".join(f'"u,{row}",é\r\n' if row % 7 else f"u{row},\r\n" for row in range(n))
    s3.files["shop/long.csv"] = f"user,item\r\n{lines}".encode()
    expected = [f"u,{row}" if row % 7 else f"u{row}" for row in range(n)]
    assert read("s3://shop/long.csv")["user"].to_list() == expected


def test_an_empty_file_holds_no_records(s3: FileServer) -> None:
    with pytest.raises(tables.NoRecords, match="is empty"):
        read("s3://shop/empty.csv")


def test_the_manifest_names_the_address(s3: FileServer) -> None:
    with local_tables(["s3://shop/events.csv"], None, None, SilentReporter()) as local:
        (file,) = fingerprints.input_files({"interactions": local.interactions})
    assert (file.path, file.bytes, file.sha256) == ("s3://shop/events.csv", None, None)


@pytest.mark.parametrize(
    ("name", "what", "hint"),
    [
        ("none.parquet", "the interactions file does not exist", "each letter"),
        ("none.csv", "the interactions file does not exist", "each letter"),
        ("none*.csv", "the interactions file does not exist", "each letter"),
        ("log", "no reader knows the suffix", "with a `/` at its end"),
        ("events.pdf", "no reader knows the suffix", "another known suffix"),
        ("latin.csv", "is not UTF-8 text", "iconv"),
    ],
)
def test_what_cannot_be_read_is_said_in_plain_words(
    s3: FileServer, name: str, what: str, hint: str
) -> None:
    error = refusal(f"s3://shop/{name}")
    assert what in error.what
    assert error.where == f"s3://shop/{name}"
    assert hint in str(error.hint)


def test_a_broken_file_is_an_error(s3: FileServer) -> None:
    assert "the interactions file cannot be read: " in refusal("s3://shop/broken.parquet").what


def test_no_access_says_which_variables_give_it(s3: FileServer) -> None:
    error = refusal("s3://secret/events.csv")
    assert error.what == "no access to the interactions file"
    assert "AWS_ACCESS_KEY_ID" in str(error.hint)
    assert refusal(f"{s3.url}/secret/events.csv").what == error.what


def test_azure_without_an_account_says_which_variables_name_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    error = refusal("az://box/events.parquet")
    assert error.what == "no access to the interactions file"
    assert "AZURE_STORAGE_ACCOUNT_NAME" in str(error.hint)


@pytest.mark.slow
def test_a_server_that_does_not_answer_is_an_error() -> None:
    with serving() as server:
        closed = server.url
    error = refusal(f"{closed}/events.csv")
    assert error.what == "the interactions file cannot be reached"
    assert "network" in str(error.hint)


def test_records_keep_their_types(s3: FileServer) -> None:
    buffer = io.BytesIO()
    frame = FRAME.with_columns(tags=pl.Series([["a"], None]), price=pl.Series([1.5, None]))
    frame.write_parquet(buffer)
    s3.files["shop/typed.parquet"] = buffer.getvalue()
    assert read("s3://shop/typed.parquet").equals(frame)
