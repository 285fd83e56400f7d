"""When the tables of a search at work are written again, by a clock that is set by hand."""

from search.stages.refresh import TableRefresh, remove_unfinished_tables


class Tables:
    """Counts the rows of each write, which takes `seconds` or fails."""

    def __init__(self, rows=()):
        self.now, self.seconds, self.full = 0.0, 0.01, False
        self.written, self.notes = [], []
        self.refresh = TableRefresh(self._write, list(rows), self.notes.append, lambda: self.now)

    def _write(self, rows):
        self.now += self.seconds
        if self.full:
            raise OSError(28, "No space left on device", "trials.parquet")
        self.written.append(len(rows))

    def rows_until(self, end):
        """A trial finishes each second."""
        while self.now < end:
            self.now += 1.0
            self.refresh.add([{}])


def test_tables_are_written_at_the_start_and_then_every_few_seconds():
    tables = Tables(rows=[{}, {}])
    assert tables.written == [2]
    tables.rows_until(10.0)
    assert tables.written == [2, 5, 8, 11]
    assert Tables().written == []


def test_trials_that_finish_together_are_in_the_tables_before_the_next_one_finishes():
    tables = Tables()
    for _ in range(64):
        tables.refresh.add([{}])
    assert tables.written == [1]
    tables.now = 3.5
    tables.refresh.add([])
    tables.now = 60.0
    tables.refresh.add([])
    assert tables.written == [1, 64]


def test_tables_that_take_long_are_written_less_often():
    tables = Tables()
    tables.seconds = 1.0
    tables.rows_until(120.0)
    assert tables.written == [1, 51, 101]  # after 50 s: two percent of the time


def test_a_full_disk_is_noted_once_and_the_next_refresh_tries_again():
    tables = Tables()
    tables.full = True
    tables.rows_until(9.0)
    assert tables.notes == [
        "search: trials.parquet is not up to date ([Errno 28] No space left on device: 'trials.parquet'). "
        "The search goes on."
    ]
    tables.full = False
    tables.refresh.write()
    assert len(tables.written) == 1


def test_what_a_killed_refresh_left_is_removed(tmp_path):
    for name in (".trials.parquet.12.part", ".front.csv.12.part", "front.csv", ".config.yaml.12.part"):
        (tmp_path / name).touch()
    remove_unfinished_tables(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [".config.yaml.12.part", "front.csv"]
