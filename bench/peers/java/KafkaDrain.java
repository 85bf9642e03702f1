import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.tools.ConsumerPerformance;

/**
 * Piles messages up in one partition, then reads them with Kafka's own ConsumerPerformance: again and again until the virtual machine
 * is warm, each time in a fresh group, and once more to be measured. A line {@code measured ARGUMENTS} stands before the output that counts.
 */
public final class KafkaDrain {
  public static void main(String[] args) throws Exception {
    Options options = new Options(args);
    String bootstrap = options.text("bootstrap");
    String topic = options.text("topic");
    int count = options.number("count");
    KafkaTopics.create(bootstrap, topic, 1);
    String bodies = KafkaProducerPerformance.writeBodies(options.text("directory"), options.number("size")).toString();
    KafkaProducerPerformance.run(bootstrap, topic, bodies, count);

    long warmAt = System.nanoTime() + options.number("warm-up") * 1_000_000_000L;
    String[] arguments = arguments(bootstrap, topic, count);
    do ConsumerPerformance.main(arguments);
    while (System.nanoTime() < warmAt);
    System.out.println("measured " + String.join(" ", arguments));
    ConsumerPerformance.main(arguments);
    KafkaTopics.delete(bootstrap, topic);
  }

  /** No group is named, so each call makes one up. */
  private static String[] arguments(String bootstrap, String topic, int count) {
    List<String> arguments = new ArrayList<>(List.of("--bootstrap-server", bootstrap, "--topic", topic));
    arguments.addAll(List.of("--messages", Integer.toString(count), "--hide-header", "--timeout", "30000"));
    return arguments.toArray(new String[0]);
  }
}
