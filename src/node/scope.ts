import { NodePeerError } from './errors.ts';

/** The scope of an app: absolute, with a `/` at its end. @throws NodePeerError `bad-url` */
export function scopeOf(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new NodePeerError('bad-url', `"${text}" is not a URL of an app, such as https://app.example/`);
  }
  const url = new URL(text);
  url.search = '';
  url.hash = '';
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url.href;
}
