// A certified OpenID Connect provider for a firm of four people, on loopback, for as long as one test run.
//   PORT, CLIENT (the application's origin)     POST /_control {"people": {"olivia": {"groups": []}}, "refresh": false}
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import Provider from "oidc-provider";

const issuer = `http://127.0.0.1:${process.env.PORT}`;
const client = process.env.CLIENT;
const person = (name, groups, more = {}) => ({
  name, groups, email: `${name.split(" ")[0].toLowerCase()}@harbor.example`, email_verified: true, ...more,
});
const firm = () => ({
  people: {
    olivia: person("Olivia Owner", ["crm-sales"]),
    mona: person("Mona Manager", ["crm-leads"]),
    carl: person("Carl Colleague", ["crm-sales"], { email_verified: false }),
    sam: person("Sam Stranger", ["staff"]),
  },
  refresh: true,
  tells: false,
});
let state = firm();

const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const provider = new Provider(issuer, {
  clients: [{
    client_id: "slantweb",
    client_secret: "canary-of-a-client-secret",
    token_endpoint_auth_method: "client_secret_post",
    grant_types: ["authorization_code", "refresh_token"],
    redirect_uris: [`${client}/sign-in/callback/`],
    post_logout_redirect_uris: [`${client}/signed-out/`],
    backchannel_logout_uri: `${client}/sign-in/back-channel-logout/`,
    backchannel_logout_session_required: true,
  }],
  jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), use: "sig", alg: "RS256", kid: "k1" }] },
  cookies: { keys: [randomBytes(16).toString("hex")] },
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "groups"] },
  conformIdTokenClaims: false,
  // Most providers tell us nothing of an ended session; this one does with {"tells": true}.
  // Its own way to ask refuses loopback addresses.
  fetch: (address, options) => (state.tells ? fetch(address, { ...options, dispatcher: undefined }) : new Response()),
  pkce: { required: () => true },
  issueRefreshToken: async () => state.refresh,
  findAccount: async (_, sub) => {
    if (!state.people[sub]) return undefined;
    return { accountId: sub, claims: async () => ({ sub, ...state.people[sub] }) };
  },
  // The firm's own application asks nobody for consent.
  loadExistingGrant: async (ctx) => {
    const known = ctx.oidc.session.grantIdFor(ctx.oidc.client.clientId);
    if (known) return ctx.oidc.provider.Grant.find(known);
    const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope("openid email profile");
    await grant.save();
    return grant;
  },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: async (ctx, form) => {
        ctx.body = `<!doctype html><title>Sign out</title>${form}<button form="op.logoutForm" name="logout" value="yes">Yes, sign me out</button>`;
      },
    },
  },
});

provider.on("backchannel.error", (ctx, error) => console.error("the application was not told:", error.message, error.cause));

const body = async (request) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString();
};

const answer = provider.callback();
createServer(async (request, response) => {
  try {
    if (request.url === "/_control") {
      const changes = JSON.parse(await body(request));
      if (changes.reset) state = firm();
      for (const [name, more] of Object.entries(changes.people ?? {})) {
        state.people[name] = more && { ...state.people[name], ...more };
      }
      state.refresh = changes.refresh ?? state.refresh;
      state.tells = changes.tells ?? state.tells;
      response.end("{}");
    } else if (request.url.startsWith("/interaction/") && request.method === "GET") {
      response.setHeader("Content-Type", "text/html");
      response.end('<!doctype html><title>Company sign-on</title><form method="post"><label>Account <input name="account"></label><button>Sign in</button><button name="cancel" value="1">Cancel</button></form>');
    } else if (request.url.startsWith("/interaction/")) {
      const form = new URLSearchParams(await body(request));
      const result = form.has("cancel")
        ? { error: "access_denied", error_description: "turned back" }
        : { login: { accountId: form.get("account") } };
      await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
    } else {
      await answer(request, response);
    }
  } catch (error) {
    console.error(error);
    response.statusCode = 500;
    response.end();
  }
}).listen(Number(process.env.PORT), "127.0.0.1", () => console.log("provider ready"));
