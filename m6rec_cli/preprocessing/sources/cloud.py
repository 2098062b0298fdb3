"""Tables in cloud storage, on Hugging Face and on web servers to temporary files, by Polars.

Credentials are those that Polars finds in the environment. Text is copied line by line, so that
the readers treat it as any other file.
"""

import glob
import re
import warnings
from pathlib import Path
from urllib.parse import urlsplit

import polars as pl
from polars.io.partition import FileProviderArgs

from m6rec_cli.preprocessing.readers._base import READERS, Reader
from m6rec_cli.preprocessing.sources._base import Copy
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import Reporter

FORM = "s3://bucket/events.parquet"
_S3 = (
    "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION, and AWS_ENDPOINT_URL for "
    "another provider; AWS_SKIP_SIGNATURE=true reads a public bucket"
)
_AZURE = "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY"
_GOOGLE = "set GOOGLE_APPLICATION_CREDENTIALS to the key file of a service account"
_WEB = "download the file and name the copy"
_CREDENTIALS = {
    "s3": _S3,
    "s3a": _S3,
    "gs": _GOOGLE,
    "gcs": _GOOGLE,
    "az": _AZURE,
    "azure": _AZURE,
    "abfs": _AZURE,
    "abfss": _AZURE,
    "adl": _AZURE,
    "hf": "set HF_TOKEN to an access token; private data sets are not found without one",
    "http": _WEB,
    "https": _WEB,
}
"""The schemes of addresses, each with what gives access."""
_MISSING = re.compile(r"not found|status code: 404|paths were empty", re.IGNORECASE)
_REFUSED = re.compile(
    r"\b40[13] |lacked (the necessary|valid auth)|token request|Account must be|169\.254\.169\.254"
    r"|unauthenticated|unauthorized|credentials",
    re.IGNORECASE,
)
_UNREACHABLE = re.compile(r"sending request|dns error|\(Connect\)|timed out|retries", re.IGNORECASE)
_SEPARATOR = "\x1f"
"""A separator that no text has keeps each line in one piece."""


def claims(address: str) -> bool:
    """See `Source.claims`."""
    return _scheme(address) in _CREDENTIALS


def copy(address: str, what: str, folder: Path, report: Reporter) -> Copy:
    """Copy a file, the files of a glob, or a folder of Parquet files; see `Source.copy`."""
    report.note(f"copying {address} to a temporary folder")
    try:
        with warnings.catch_warnings():
            # Polars finds the region of a bucket by itself, and warns that it does.
            warnings.filterwarnings("ignore", message=".*region.*")
            return Copy(_copy(address, what, folder))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _explained(error, address, what) from None


def _scheme(address: str) -> str:
    scheme, colon, _ = address.partition("://")
    return scheme.lower() if colon else ""


def _copy(address: str, what: str, folder: Path) -> Path:
    is_web = _scheme(address) in ("http", "https")
    name = (urlsplit(address).path if is_web else address).lower()
    table = folder / "table.parquet"
    if name.endswith(("/", ".parquet", ".pq")):
        frame = pl.scan_parquet(address, glob=not is_web, hive_partitioning=not is_web)
        frame.sink_parquet(table, compression="lz4")
        return table
    if name.endswith((".arrow", ".feather", ".ipc")):
        pl.scan_ipc(address, glob=not is_web).sink_parquet(table, compression="lz4")
        return table
    text = [suffix for reader in _text_readers() for suffix in reader.SUFFIXES]
    suffix = max((s for s in text if name.endswith(s)), key=len, default=None)
    if suffix is None:
        raise M6RecError(
            f"no reader knows the suffix of the {what} file",
            where=address,
            hint="name a file that ends in .parquet, .csv or another known suffix, or a folder of "
            "Parquet files with a `/` at its end",
        )
    suffix = suffix.removesuffix(".gz").removesuffix(".zst")
    return _copy_lines(address, suffix, folder, is_glob=not is_web)


def _text_readers() -> list[Reader]:
    return [reader for reader in map(READERS.load, READERS.names()) if reader.IS_TEXT]


def _copy_lines(address: str, suffix: str, folder: Path, *, is_glob: bool) -> Path:
    """Copy the lines of each file, decompressed, below the path that it has there."""

    def file_name(part: FileProviderArgs) -> str:
        file = str(part.partition_keys["file"][0]).partition("://")[2]
        file = file.partition("?")[0].removesuffix(".gz").removesuffix(".zst")
        return file if file.lower().endswith(suffix) else file + suffix

    lines = pl.scan_csv(
        address,
        has_header=False,
        schema={"line": pl.String},
        separator=_SEPARATOR,
        quote_char=None,
        truncate_ragged_lines=True,
        include_file_paths="file",
        glob=is_glob,
    )
    lines.sink_csv(
        pl.PartitionBy(
            folder,
            key="file",
            include_key=False,
            approximate_bytes_per_file=None,
            file_path_provider=file_name,
        ),
        include_header=False,
        quote_style="never",
        null_value="",
        mkdir=True,
    )
    copies = [path for path in folder.rglob("*") if path.is_file()]
    if not copies and is_glob and glob.has_magic(address):
        raise FileNotFoundError(address)
    if not copies:
        (folder / f"empty{suffix}").touch()
        return folder / f"empty{suffix}"
    return copies[0] if len(copies) == 1 else folder / "**" / f"*{suffix}"


def _explained(error: Exception, address: str, what: str) -> M6RecError:
    """What went wrong, in plain words: Polars' own message names requests, retries and causes."""
    text = str(error).replace(address, "")
    reason = next(iter(text.strip().splitlines()), type(error).__name__)
    scheme = _scheme(address)
    if isinstance(error, FileNotFoundError) or _MISSING.search(text):
        what, hint = f"the {what} file does not exist", "is each letter of the address right?"
        if scheme == "hf":
            hint = _CREDENTIALS["hf"]
    elif _REFUSED.search(text):
        what, hint = f"no access to the {what} file", _CREDENTIALS[scheme]
    elif _UNREACHABLE.search(text):
        what = f"the {what} file cannot be reached"
        hint = "is there a network, and is the host's name right?"
        if scheme in ("s3", "s3a"):
            hint += " AWS_ENDPOINT_URL names another provider"
    elif "utf-8" in text.lower():
        what = f"the {what} file is not UTF-8 text"
        hint = "download it and convert the copy: `iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW_FILE`"
    else:
        what, hint = f"the {what} file cannot be read: {reason}", None
    return M6RecError(what, where=address, hint=hint)
