import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.*;
import java.util.regex.Pattern;
import software.amazon.event.ruler.Machine;
import software.amazon.event.ruler.JsonRuleCompiler;

/** Checks the pipes' filters and patterns.json with AWS's own matcher. Usage: Match FOLDER EVENTS. */
public class Match {
  static int wrong = 0;

  public static void main(String[] args) throws Exception {
    Path folder = Path.of(args[0]);
    ObjectMapper json = new ObjectMapper();
    Map<String, Machine> pipes = new HashMap<>(); // by detail-type
    var filter = Pattern.compile("Pattern: '(.*)'(?s:.*?)DetailType: (\\w+)").matcher(Files.readString(folder.resolve("template.yaml")));
    while (filter.find()) pipes.put(filter.group(2), machine(Map.of("passes", filter.group(1))));
    Map<String, String> patterns = new TreeMap<>();
    json.readTree(folder.resolve("patterns.json").toFile()).properties().forEach(p -> patterns.put(p.getKey(), p.getValue().toString()));
    Machine rules = machine(patterns);

    Map<String, Integer> matched = new TreeMap<>();
    List<String> lines = Files.readAllLines(Path.of(args[1]));
    for (String line : lines) {
      JsonNode event = json.readTree(line).get("event");
      expect(Set.of("passes"), pipes.get(event.get("detail-type").asText()), event.get("detail").toString());
      Set<String> want = new TreeSet<>();
      json.readTree(line).get("matches").forEach(name -> want.add(name.asText()));
      expect(want, rules, event.toString());
      want.forEach(name -> matched.merge(name, 1, Integer::sum));
    }
    System.out.println(lines.size() + " events pass the pipes and match: " + matched);
    if (!matched.keySet().equals(patterns.keySet())) fail("a pattern matches none of the events");

    // No pipe passes these records. The numeric comparison never matches: DynamoDB's numbers are strings.
    Machine transactions = pipes.get("Transaction"), balances = pipes.get("Balance");
    expect(Set.of(), transactions, text("{'eventName':'INSERT','dynamodb':{'NewImage':{'id':{'S':'settings'},'currency':{'S':'EUR'}}}}"));
    expect(Set.of(), transactions, text("{'eventName':'REMOVE','dynamodb':{'OldImage':{'user_id':{'S':'u'}}}}"));
    expect(Set.of(), balances, text("{'eventName':'MODIFY','dynamodb':{'NewImage':{'user_id':{'S':' refunds 1'},'r0':{'N':'5'}}}}"));
    expect(Set.of(), balances, text("{'eventName':'REMOVE','dynamodb':{'OldImage':{'balance':{'N':'5'}}}}"));
    expect(Set.of(), machine(Map.of("below 10", text("{'balance':{'N':[{'numeric':['<',10]}]}}"))), text("{'balance':{'N':'5'}}"));
    System.exit(wrong > 0 ? 1 : 0);
  }

  static Machine machine(Map<String, String> rules) throws Exception {
    Machine machine = Machine.builder().build();
    for (var rule : rules.entrySet()) {
      String error = JsonRuleCompiler.check(rule.getValue());
      if (error != null) fail(rule + ": " + error);
      machine.addRule(rule.getKey(), rule.getValue());
    }
    return machine;
  }

  static void expect(Set<String> want, Machine machine, String event) throws Exception {
    Set<String> got = new TreeSet<>(machine.rulesForJSONEvent(event));
    if (!got.equals(want)) fail("matches " + got + " and not " + want + ": " + event);
  }

  static String text(String quoted) {
    return quoted.replace('\'', '"');
  }

  static void fail(String what) {
    if (wrong++ < 10) System.out.println("WRONG: " + what);
  }
}
