"""`motiondrop drop`: upload an image and a video, as a pair."""

from pathlib import Path

import click
from botocore.exceptions import ClientError

from cli.drop_link import folder_named
from cli.stack import Find, Target
from motiondrop.domain.formats import Kind
from motiondrop.domain.keys import extension_of, kind_of

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(epilog="Example: motiondrop --stack motiondrop drop hero.png dance.mp4 --folder ada/")
@click.argument("files", metavar="IMAGE VIDEO", nargs=2, type=_FILE)
@click.option("--folder", metavar="FOLDER", help="A folder of the inbox, such as ada/.  [default: its top level]")
@click.pass_obj
def drop(find: Find, files: tuple[Path, Path], folder: str | None) -> None:
    """Upload an image and a video, to be animated.

    Both are uploaded under the image's name, in whichever order they are given, so that they pair at once. The
    animation costs money at the provider.
    """
    beginning = folder_named(folder) if folder else ""
    by_kind = {kind_of(file.name): file for file in files}
    if set(by_kind) != {Kind.IMAGE, Kind.VIDEO}:
        names = " and ".join(file.name for file in files)
        raise click.UsageError(f"Give one image and one video: {names} are not that.")
    stem = by_kind[Kind.IMAGE].stem
    keys = {f"{beginning}{stem}.{extension_of(file.name)}": file for file in files}
    target = find()
    for key in keys:
        if _is_there(target, key):
            raise click.ClickException(f"{key} is in the inbox already. Choose another --folder, or rename the image.")
    for key, file in keys.items():
        target.s3.upload_file(str(file), target.outputs["InboxBucket"], key)
        click.echo(f"Dropped {file.name} as {key}")
    click.echo(f"What becomes of it: {target.command} status {beginning}".rstrip())


def _is_there(target: Target, key: str) -> bool:
    """Whether there is an object at the key: overwriting it would cancel its job."""
    try:
        target.s3.head_object(Bucket=target.outputs["InboxBucket"], Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:  # noqa: PLR2004  # HTTP's
            return False
        raise
    return True
