import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Calls Suda from Java 11 on, without dependencies: an example to copy. JSON goes in and out as text;
 * read it with whatever your project has (Jackson, Gson).
 *
 * <pre>
 * javac Suda.java
 * SUDA_URL=http://127.0.0.1:8000 SUDA_API_KEY=suda_… java Suda '{"text": "柜台排队三个小时没人理"}'
 * </pre>
 */
public final class Suda {
    private static final Set<Integer> AGAIN = Set.of(429, 502, 503, 504);
    private static final int ATTEMPTS = 5;
    private static final long PATIENCE_MS = 30_000;
    private static final long TOLERANCE_SECONDS = 300;
    private static final Pattern SIGNATURE = Pattern.compile("t=(\\d{1,12})((?:,v1=[0-9a-f]{64})+)");

    private final HttpClient http =
            HttpClient.newBuilder()
                    .version(HttpClient.Version.HTTP_1_1)
                    .connectTimeout(Duration.ofSeconds(3))
                    .build();
    private final URI base;
    private final String key;

    public Suda(URI base, String key) {
        this.base = base;
        this.key = key;
    }

    /** The service said no: {@code problem} is the problem document (RFC 9457) as it came. */
    public static final class Refused extends IOException {
        private static final long serialVersionUID = 1L;
        public final int status;
        public final String problem;

        Refused(int status, String problem) {
            super("HTTP " + status);
            this.status = status;
            this.problem = problem;
        }
    }

    /**
     * Decides one complaint, given as JSON; it is stored once this returns. All attempts carry one
     * key, so that a repeat gets the first answer.
     */
    public String classify(String complaint, int deadlineMs) throws IOException, InterruptedException {
        HttpRequest request =
                HttpRequest.newBuilder(base.resolve("/v1/classify"))
                        .timeout(Duration.ofMillis(deadlineMs + 10_000L))
                        .header("Authorization", "Bearer " + key)
                        .header("Content-Type", "application/json")
                        .header("Idempotency-Key", UUID.randomUUID().toString())
                        .header("Suda-Deadline-Ms", Integer.toString(deadlineMs))
                        .POST(HttpRequest.BodyPublishers.ofString(complaint, StandardCharsets.UTF_8))
                        .build();
        return send(request);
    }

    private String send(HttpRequest request) throws IOException, InterruptedException {
        long waited = 0;
        for (int tried = 1; ; tried++) {
            IOException failure;
            long asked = 0;
            try {
                HttpResponse<String> response =
                        http.send(request, HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8));
                if (response.statusCode() / 100 == 2) {
                    return response.body();
                }
                failure = new Refused(response.statusCode(), response.body());
                if (!AGAIN.contains(response.statusCode())) {
                    throw failure;
                }
                asked = retryAfterMs(response);
            } catch (Refused refused) {
                throw refused;
            } catch (IOException broken) {
                failure = broken;
            }
            long wait = asked + ThreadLocalRandom.current().nextLong(Math.min(5_000L, 200L << (tried - 1)));
            if (tried == ATTEMPTS || waited + wait > PATIENCE_MS) {
                throw failure;
            }
            Thread.sleep(wait);
            waited += wait;
        }
    }

    private static long retryAfterMs(HttpResponse<?> response) {
        String seconds = response.headers().firstValue("Retry-After").orElse("");
        return seconds.matches("\\d{1,6}") ? Long.parseLong(seconds) * 1_000 : 0;
    }

    /**
     * Whether a webhook's header {@code Suda-Signature} signs exactly these bytes, lately. Deliveries
     * come at least once: keep the Idempotency-Key of those you have seen.
     */
    public static boolean signed(String secret, String header, byte[] body, long now)
            throws GeneralSecurityException {
        Matcher found = SIGNATURE.matcher(header);
        if (!found.matches() || Math.abs(now - Long.parseLong(found.group(1))) > TOLERANCE_SECONDS) {
            return false;
        }
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(secret.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
        mac.update((found.group(1) + ".").getBytes(StandardCharsets.US_ASCII));
        byte[] wanted = hex(mac.doFinal(body)).getBytes(StandardCharsets.US_ASCII);
        boolean any = false;
        for (String one : found.group(2).substring(4).split(",v1=")) {
            // In constant time, and for every one of them.
            any |= MessageDigest.isEqual(wanted, one.getBytes(StandardCharsets.US_ASCII));
        }
        return any;
    }

    private static String hex(byte[] bytes) {
        StringBuilder text = new StringBuilder();
        for (byte each : bytes) {
            text.append(String.format("%02x", each));
        }
        return text.toString();
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length == 4 && arguments[0].equals("verify")) {
            byte[] body = arguments[3].getBytes(StandardCharsets.UTF_8);
            long now = System.currentTimeMillis() / 1000;
            System.out.println(signed(arguments[1], arguments[2], body, now));
            return;
        }
        Suda suda = new Suda(URI.create(System.getenv("SUDA_URL")), System.getenv("SUDA_API_KEY"));
        try {
            byte[] answer = suda.classify(arguments[0], 20_000).getBytes(StandardCharsets.UTF_8);
            System.out.write(answer, 0, answer.length);
            System.out.println();
        } catch (Refused refused) {
            System.err.println(refused.getMessage() + " " + refused.problem);
            System.exit(1);
        }
    }
}
