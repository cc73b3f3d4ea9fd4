import { CLIENT_SCRIPT } from '../protocol/layout.ts';
import { pathToUrl, type ReleasePath } from '../protocol/release-path.ts';
import { headStart, tagsOf, withoutInert } from './html-text.ts';

/** Where an HTML file stands. */
export interface PagePlace {
  readonly path: ReleasePath;
  /** URL path of the release's root, when the publisher named it. */
  readonly scope: string | undefined;
  /** Path of the app's own worker, if Tabseed is in that. */
  readonly worker: ReleasePath | undefined;
  /** Path of the script that holds up first visits, if the publisher wants one. */
  readonly boot: string | undefined;
  /** Whether the release has files below this path; without slashes at its ends. */
  hasFolder(path: string): boolean;
}

/**
 * The page with Tabseed's client script first in its head, or as it is when it has one already.
 *
 * @param html the file's bytes as Latin-1; its beginning is enough.
 */
export function withScriptTag(html: string, place: PagePlace): string {
  const live = withoutInert(html);
  if (tagsOf(live, 'script').some(({ attributes }) => isClientScript(attributes.get('src') ?? ''))) return html;
  const { position, source } = chooseTag(html, live, place);
  const worker = place.worker === undefined ? '' : ` data-tabseed-worker="${pathToUrl(place.worker)}"`;
  // Classic, so that it runs before anything after it is looked at; in one folder with the client script.
  const boot =
    place.boot === undefined ? '' : `<script src="${source.slice(0, -CLIENT_SCRIPT.length)}${place.boot}"></script>`;
  const tag = `${boot}<script type="module" src="${source}"${worker}></script>`;
  return html.slice(0, position) + tag + html.slice(position);
}

function chooseTag(html: string, live: string, place: PagePlace): { position: number; source: string } {
  const start = headStart(html);
  if (place.scope !== undefined) return { position: start, source: `${place.scope}${CLIENT_SCRIPT}` };
  const base = tagsOf(live, 'base').find(({ attributes }) => attributes.has('href'));
  const href = base?.attributes.get('href')?.trim();
  if (base === undefined || href === undefined || !/^\/(?!\/)/.test(href)) {
    // Before any <base>, so it resolves against the page's own URL.
    return { position: start, source: relativeFrom(place.path.split('/').length - 1) };
  }
  // A page with an absolute base may be served at any URL (the fallback of a single-page app): only the base holds.
  return { position: base.end, source: relativeFrom(baseDepth(href, place)) };
}

/** How many folders below the root the base is. A base that no folder matches is taken for the root itself. */
function baseDepth(href: string, place: PagePlace): number {
  const segments = new URL(href, 'http://site.invalid').pathname.split('/').slice(1, -1);
  for (let skipped = 0; skipped < segments.length; skipped += 1) {
    if (place.hasFolder(segments.slice(skipped).join('/'))) return segments.length - skipped;
  }
  return 0;
}

function relativeFrom(depth: number): string {
  return `${'../'.repeat(depth)}${CLIENT_SCRIPT}`;
}

function isClientScript(source: string): boolean {
  const path = source.split(/[?#]/, 1)[0] ?? '';
  return path === CLIENT_SCRIPT || path.endsWith(`/${CLIENT_SCRIPT}`);
}
