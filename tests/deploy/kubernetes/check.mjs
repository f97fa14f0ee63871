// Judges what `kustomize build` printed (standard input) by the types of Kubernetes' API and of the Prometheus operator:
// an unknown key, a wrong type, a missing field. Then by their schemas, which know numbers and patterns too.
import { createRequire } from 'node:module';
import { readFileSync, writeFileSync, mkdtempSync, symlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const modules = process.env.KUBERNETES_MODULES;
const require = createRequire(join(modules, 'package.json'));
const ts = require('typescript');
const yaml = require('yaml');

const documents = yaml
  .parseAllDocuments(readFileSync(0, 'utf8'))
  .map((document) => {
    if (document.errors.length > 0) throw document.errors[0];
    return document.toJS();
  });
if (documents.length === 0) throw new Error('nothing to judge');

const group = ({ apiVersion }) =>
  apiVersion.startsWith('monitoring.coreos.com/')
    ? `@kubernetes-models/prometheus-operator/${apiVersion}`
    : `kubernetes-models/${apiVersion}`;

const folder = mkdtempSync(join(tmpdir(), 'repodigest.'));
process.on('exit', () => rmSync(folder, { recursive: true }));
symlinkSync(join(modules, 'node_modules'), join(folder, 'node_modules'));
const file = join(folder, 'manifests.mts');
writeFileSync(
  file,
  documents
    .map(
      (document, i) =>
        `import type { I${document.kind} as T${i} } from '${group(document)}';\n` +
        `export const d${i}: T${i} = ${JSON.stringify(document, null, 1)};\n`,
    )
    .join(''),
);
const program = ts.createProgram([file], {
  noEmit: true,
  strict: true,
  skipLibCheck: true,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ES2022,
  types: [],
});
const said = ts.getPreEmitDiagnostics(program).map((diagnostic) => {
  const line = diagnostic.file?.getLineAndCharacterOfPosition(diagnostic.start).line;
  const text = line === undefined ? '' : diagnostic.file.text.split('\n')[line].trim();
  return `${text}: ${ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n')}`;
});

const models = join(folder, 'models.mjs');
writeFileSync(models, documents.map((document, i) => `export { ${document.kind} as T${i} } from '${group(document)}';\n`).join(''));
const types = await import(pathToFileURL(models));
for (const [i, document] of documents.entries()) {
  const name = `${document.kind} ${document.metadata.name}`;
  try {
    new types[`T${i}`](document).validate();
  } catch (error) {
    said.push(`${name}: ${error.message}`);
  }
  console.log(`judged ${name}`);
}
for (const line of said) console.log(line);
process.exitCode = said.length > 0 ? 1 : 0;
