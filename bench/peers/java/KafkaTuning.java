import java.util.List;
import java.util.Properties;

/** How the producers of the suite are set: as its tuning guides say for rate. Compression stays off: bodies are random. */
final class KafkaTuning {
  /** {@code 1}: the leader; {@code all}: as many replicas as the broker's {@code min.insync.replicas} says. */
  private static final String ACKS = "acks=" + System.getProperty("bench.acks", "1");

  static final List<String> FOR_RATE =
      List.of(ACKS, "linger.ms=5", "batch.size=131072", "compression.type=none");

  /** A request as soon as there is a message. */
  static final List<String> FOR_REQUESTS = List.of(ACKS, "linger.ms=0", "compression.type=none");

  static Properties properties(String bootstrap, List<String> settings) {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", bootstrap);
    for (String setting : settings) {
      int equals = setting.indexOf('=');
      properties.put(setting.substring(0, equals), setting.substring(equals + 1));
    }
    String serializer = "org.apache.kafka.common.serialization.ByteArraySerializer";
    properties.put("key.serializer", serializer);
    properties.put("value.serializer", serializer);
    return properties;
  }
}
