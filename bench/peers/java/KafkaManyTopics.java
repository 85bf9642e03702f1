import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;

/** One producer that sends to many topics in turn, as fast as it can: ProducerPerformance knows one topic only. */
public final class KafkaManyTopics {
  public static void main(String[] args) throws Exception {
    Options options = new Options(args);
    String bootstrap = options.text("bootstrap");
    byte[] body = Meter.randomBody(options.number("size"));
    String[] topics = new String[options.number("topics")];
    for (int i = 0; i < topics.length; i++) {
      topics[i] = options.text("topic") + "-" + i;
      KafkaTopics.create(bootstrap, topics[i], options.number("partitions"));
    }
    Meter meter = new Meter();
    var producer = new KafkaProducer<byte[], byte[]>(KafkaTuning.properties(bootstrap, KafkaTuning.FOR_RATE));
    Thread sender = new Thread(() -> send(producer, topics, body, meter));
    sender.start();
    meter.measure(options.number("warm-up"), options.number("seconds"));
  }

  private static void send(KafkaProducer<byte[], byte[]> producer, String[] topics, byte[] body, Meter meter) {
    for (int i = 0; !meter.isOver(); i = (i + 1) % topics.length) {
      long sentAt = System.nanoTime();
      // Blocks when its buffer is full, so acks set the pace.
      producer.send(
          new ProducerRecord<>(topics[i], body),
          (metadata, error) -> {
            if (error == null) meter.acked(1, sentAt);
            else meter.failed(error);
          });
    }
  }
}
