// Bundle the libraries of the page, copy its fonts, and write their licences and the table of versions.
import { build } from "esbuild";
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

const modules = process.argv[2];
const target = process.argv[3];
const licences = join(target, "licences");

const FONTS = {
  "@fontsource-variable/instrument-sans": ["instrument-sans-latin-wght-normal"],
  "@fontsource/instrument-serif": [
    "instrument-serif-latin-400-normal",
    "instrument-serif-latin-400-italic",
  ],
};

rmSync(target, { recursive: true, force: true });
mkdirSync(licences, { recursive: true });

const bundled = await build({
  entryPoints: [join(modules, "..", "plot.js")],
  outfile: join(target, "plot.js"),
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  legalComments: "none",
  metafile: true,
  nodePaths: [modules],
});

const packages = new Map();
for (const [path, { bytesInOutput }] of Object.entries(Object.values(bundled.metafile.outputs)[0].inputs)) {
  const inside = path.split("node_modules/")[1];
  if (inside && bytesInOutput) packages.set(inside.split("/")[0], "plot.js");
}
for (const [name, files] of Object.entries(FONTS)) {
  for (const file of files) copyFileSync(join(modules, name, "files", `${file}.woff2`), join(target, `${file}.woff2`));
  packages.set(name, files.map((file) => `${file}.woff2`).join(", "));
}

const rows = [...packages].sort().map(([name, where]) => {
  const folder = join(modules, name);
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const text = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file));
  const copy = `${basename(name)}.txt`;
  copyFileSync(join(folder, text), join(licences, copy));
  return `| ${name} | ${version} | ${license} | [text](licences/${copy}) | ${where} |`;
});
writeFileSync(
  join(target, "README.md"),
  `# What the page takes from others

Written by \`make vendor\`, from the exact versions in \`vendor/package.json\`. Nothing here is edited by hand.

| package | version | licence | | in |
|---|---|---|---|---|
${rows.join("\n")}
`,
);
