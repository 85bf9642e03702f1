import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** Makes a topic and waits until it can be written to. */
final class KafkaTopics {
  /** The controller refuses requests that take more than 10,000 records of its log, about one a partition. */
  private static final int MOST_PARTITIONS_A_REQUEST = 4000;

  private static final short REPLICAS = Integer.getInteger("bench.replicas", 1).shortValue();

  static void create(String bootstrap, String topic, int partitions) throws Exception {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", bootstrap);
    try (Admin admin = Admin.create(properties)) {
      int made = Math.min(partitions, MOST_PARTITIONS_A_REQUEST);
      admin.createTopics(List.of(new NewTopic(topic, made, REPLICAS))).all().get();
      while (made < partitions) {
        made = Math.min(partitions, made + MOST_PARTITIONS_A_REQUEST);
        admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(made))).all().get();
      }
      for (int tries = 0; !isServed(admin, topic, partitions); tries++) {
        if (tries == 600) throw new IllegalStateException("no broker serves " + topic);
        Thread.sleep(100);
      }
    }
  }

  private static boolean isServed(Admin admin, String topic, int partitions) throws Exception {
    TopicDescription description;
    try {
      description = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic);
    } catch (ExecutionException error) {
      // The controller has it, the broker has not heard of it yet.
      if (error.getCause() instanceof UnknownTopicOrPartitionException) return false;
      throw error;
    }
    return description.partitions().size() == partitions
        && description.partitions().stream()
            .allMatch(partition -> partition.leader() != null && partition.isr().size() >= REPLICAS);
  }

  static void delete(String bootstrap, String topic) throws Exception {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", bootstrap);
    try (Admin admin = Admin.create(properties)) {
      admin.deleteTopics(List.of(topic)).all().get();
    }
  }
}
