import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import org.apache.kafka.tools.ProducerPerformance;

/**
 * Kafka's own ProducerPerformance, three times in one virtual machine: to find the rate, to finish the warm-up, and to be measured. So
 * the percentiles it prints at its end are those of warm code too. A line {@code measured ARGUMENTS} stands before the output that
 * counts.
 */
public final class KafkaProducerPerformance {
  private static final int BODIES = 1000;

  public static void main(String[] args) throws Exception {
    Options options = new Options(args);
    String bootstrap = options.text("bootstrap");
    String topic = options.text("topic");
    int size = options.number("size");
    double warmUpSeconds = options.number("warm-up");
    KafkaTopics.create(bootstrap, topic, options.number("partitions"));
    String bodies = writeBodies(options.text("directory"), size).toString();

    // About 50 MB for a first idea of the rate: cold, so too low.
    long firstCount = Math.max(20_000, 50_000_000 / (size + 100));
    double rate = run(bootstrap, topic, bodies, firstCount);
    double spent = firstCount / rate;
    while (spent < warmUpSeconds) {
      long count = (long) (rate * Math.max(1, warmUpSeconds - spent));
      rate = run(bootstrap, topic, bodies, count);
      spent += count / rate;
    }
    long count = (long) (rate * options.number("seconds"));
    System.out.println("measured " + String.join(" ", arguments(bootstrap, topic, bodies, count)));
    run(bootstrap, topic, bodies, count);
    KafkaTopics.delete(bootstrap, topic);
  }

  /** Messages a second, from the start of the producer to its last ack. */
  static double run(String bootstrap, String topic, String bodies, long count) throws Exception {
    long startedAt = System.nanoTime();
    ProducerPerformance.main(arguments(bootstrap, topic, bodies, count));
    return count / ((System.nanoTime() - startedAt) / 1e9);
  }

  private static String[] arguments(String bootstrap, String topic, String bodies, long count) {
    List<String> arguments = new ArrayList<>(List.of("--topic", topic, "--num-records", Long.toString(count)));
    // Not --record-size: with it the tool draws each byte of each message anew, which costs more than sending it.
    arguments.addAll(List.of("--payload-file", bodies, "--throughput", "-1", "--producer-props"));
    arguments.add("bootstrap.servers=" + bootstrap);
    arguments.addAll(KafkaTuning.FOR_RATE);
    return arguments.toArray(new String[0]);
  }

  /** The tool takes text, a body a line. */
  static Path writeBodies(String directory, int size) throws IOException {
    StringBuilder text = new StringBuilder(BODIES * (size + 1));
    for (int body = 0; body < BODIES; body++) {
      for (int i = 0; i < size; i++) text.append((char) ThreadLocalRandom.current().nextInt('0', 'z'));
      text.append('\n');
    }
    return Files.writeString(Path.of(directory, "bodies-" + size), text);
  }
}
