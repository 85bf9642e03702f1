import java.util.HashMap;
import java.util.Map;

/** The arguments of a load program: pairs of {@code --name value}. */
final class Options {
  private final Map<String, String> values = new HashMap<>();

  Options(String[] args) {
    for (int i = 0; i + 1 < args.length; i += 2) {
      values.put(args[i].substring("--".length()), args[i + 1]);
    }
  }

  String text(String name) {
    String value = values.get(name);
    if (value == null) throw new IllegalArgumentException("--" + name + " is missing");
    return value;
  }

  int number(String name) {
    return Integer.parseInt(text(name));
  }
}
