"""What ``deploy/dagster*.yaml`` makes Dagster do about runs that die, without a person; ``make soak`` shows it."""

from assetgen_dagster.cli.dagster_home import open_instance
from assetgen_dagster.settings import load_settings
from tests.helpers.harness import both_storages


@both_storages
def test_runs_that_died_are_started_again_and_the_queue_waits_for_a_code_server(
    storage: str,
) -> None:
    with open_instance(load_settings()) as instance:
        assert (instance.run_retries_enabled, instance.run_retries_max_retries) == (True, 2)
        assert not instance.run_retries_retry_on_asset_or_op_failure, "a picture that failed was retried in the run"
        assert instance.run_monitoring_enabled
        assert instance.run_monitoring_poll_interval_seconds == 30
        queue = instance.get_concurrency_config().run_queue_config
        assert queue is not None
        assert queue.max_concurrent_runs == 3
        assert queue.max_user_code_failure_retries * queue.user_code_failure_retry_delay == 3600
