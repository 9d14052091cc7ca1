// Publishes what the stages' stacks refer to, from the cloud assembly that the build runs in.
const fs = require("fs");
const { AssetManifest, AssetPublishing, DefaultAwsClient } = require("@aws-cdk/cdk-assets-lib");

const manifests = fs
  .readdirSync(".", { recursive: true })
  .filter((file) => /^assembly-[^/]+\/[^/]+\.assets\.json$/.test(file))
  .sort();

const told = { onPublishEvent: (kind, event) => kind === "fail" && console.error(event.message) };

// CloudFormation gets the templates from the pipeline's artifact.
const needed = (entry) => !(entry.source.path || "").endsWith(".template.json");

async function publish(file) {
  const publishing = new AssetPublishing(AssetManifest.fromFile(file), {
    aws: new DefaultAwsClient(),
    progressListener: told,
  });
  const entries = AssetManifest.fromFile(file).entries.filter(needed);
  for (const entry of entries) {
    await publishing.buildEntry(entry);
    await publishing.publishEntry(entry);
  }
  if (publishing.hasFailures) throw new Error(`${file}: ${publishing.failures.length} assets failed`);
  console.log(`${file}: ${entries.length} assets are published`);
}

(async () => {
  for (const file of manifests) await publish(file);
})().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
