import type { Manifest, Pack } from '../protocol/manifest.ts';
import { ContentBuilder, type FileContent } from './content-builder.ts';
import { readSource } from './source-reader.ts';
import type { Staging } from './staging.ts';

/**
 * Packs anew what the files of a release have, and nothing else: its packs may hold content of releases before it. The
 * files are staged already.
 */
export async function repack(
  manifest: Manifest,
  staging: Staging,
): Promise<{ readonly manifest: Manifest; readonly newPacks: readonly Pack[] }> {
  const builder = new ContentBuilder(staging.root, manifest.chunking, []);
  try {
    const contents: FileContent[] = [];
    for (const { path, plainBytes } of manifest.files) {
      contents.push(
        await builder.addFile(readSource({ path, location: await staging.place(path), bytes: plainBytes })),
      );
    }
    const content = await builder.finish(contents);
    const files = manifest.files.map((file, index) => ({
      ...file,
      runs: content.runsOf(contents[index] as FileContent),
    }));
    return { manifest: { ...manifest, packs: content.packs, files }, newPacks: content.newPacks };
  } finally {
    await builder.close();
  }
}
