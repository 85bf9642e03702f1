import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** Makes topics and producers. */
final class RocketClients {
  static void createTopic(Options options, String topic, int queues) throws Exception {
    DefaultMQAdminExt admin = new DefaultMQAdminExt();
    admin.setNamesrvAddr(options.text("name-server"));
    admin.start();
    TopicConfig config = new TopicConfig(topic, queues, queues);
    admin.createAndUpdateTopicConfig(options.text("broker"), config);
    for (int tries = 0; !isRouted(admin, topic, queues); tries++) {
      if (tries == 600) throw new IllegalStateException("the name server has no route to " + topic);
      Thread.sleep(100);
    }
    admin.shutdown();
  }

  private static boolean isRouted(DefaultMQAdminExt admin, String topic, int queues) {
    try {
      var route = admin.examineTopicRouteInfo(topic);
      return route.getQueueDatas().stream().anyMatch(data -> data.getWriteQueueNums() == queues);
    } catch (Exception notYet) {
      return false;
    }
  }

  /** On a connection of its own: producers of one instance name share theirs. */
  static DefaultMQProducer startProducer(Options options, String name) throws Exception {
    DefaultMQProducer producer = new DefaultMQProducer(name);
    producer.setNamesrvAddr(options.text("name-server"));
    producer.setInstanceName(name);
    producer.setSendMsgTimeout(10_000);
    producer.setRetryTimesWhenSendFailed(0);
    producer.setMaxMessageSize(4 << 20);
    producer.start();
    return producer;
  }

  /** Until a message is acked as it should be: a slave connects some seconds after it has started. */
  static void awaitReady(DefaultMQProducer producer, String topic) throws Exception {
    for (int tries = 0; ; tries++) {
      SendResult result = producer.send(new Message(topic, new byte[1]));
      if (result.getSendStatus() == SendStatus.SEND_OK) return;
      if (tries == 60) throw new IllegalStateException(result.getSendStatus() + " after a minute");
      Thread.sleep(1000);
    }
  }

  /** A message that was stored but not flushed in time is not acked. */
  static void check(SendResult result) {
    if (result.getSendStatus() != SendStatus.SEND_OK) throw new IllegalStateException(result.toString());
  }
}
