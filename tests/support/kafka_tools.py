"""Kafka's own command-line tools, run out of the broker's jars, as its distribution has them."""

from pathlib import Path

from tests.support.kafka_jars import LOG_SETTINGS, jar_directory

TOOLS = {
    "kafka-topics.sh": "org.apache.kafka.tools.TopicCommand",
    "kafka-console-consumer.sh": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "kafka-console-producer.sh": "org.apache.kafka.tools.ConsoleProducer",
    "kafka-consumer-groups.sh": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
}


def write_tools(folder: Path) -> None:
    """Put a script for each tool into a folder."""
    java = f'exec java -XX:TieredStopAtLevel=1 -Dlog4j2.configurationFile="{LOG_SETTINGS}"'
    for name, main in TOOLS.items():
        script = folder / name
        script.write_text(f'#!/bin/sh\n{java} -cp "{jar_directory()}/*" {main} "$@"\n')
        script.chmod(0o755)
