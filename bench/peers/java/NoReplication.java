import org.apache.rocketmq.store.ha.DefaultHAService;

/**
 * The broker listens for slaves on every address of the machine and cannot be told otherwise. It has none here, so it does not listen
 * at all. RocketMQ finds this class by a file in META-INF/service.
 */
public final class NoReplication extends DefaultHAService {
  @Override
  public void start() {}

  @Override
  public void shutdown() {}
}
