import type { editor as MonacoEditor } from 'monaco-editor';
import { type Colors, onColorsChanged, readColors } from './colors.ts';
import type { MonacoApi } from './monaco-loader.ts';
import { SAMPLE, SAMPLE_FILE } from './sample.ts';

/** A narrow screen has no room for a gutter, and long lines would need two-way scrolling. */
const NARROW = '(max-width: 760px)';

export interface EditorView {
  readonly host: HTMLElement;
  /** Goes to the first problem. */
  readonly problem: HTMLButtonElement;
  readonly problemCount: HTMLElement;
}

/** Shows the sample. Resolves when TypeScript's worker has said what it finds. */
export function openEditor(monaco: MonacoApi, view: EditorView): Promise<void> {
  defineThemes(monaco);
  const model = monaco.editor.createModel(SAMPLE, 'typescript', monaco.Uri.parse(`file:///${SAMPLE_FILE}`));
  const editor = monaco.editor.create(view.host, {
    model,
    theme: themeFor(readColors()),
    ariaLabel: `${SAMPLE_FILE}, TypeScript editor`,
    automaticLayout: true,
    fixedOverflowWidgets: true,
    fontSize: 14,
    lineHeight: 22,
    minimap: { enabled: false },
    overviewRulerLanes: 0,
    padding: { top: 12, bottom: 12 },
    scrollBeyondLastLine: false,
    // Tab moves on: a page must not be a trap for those who use no mouse. Ctrl+M makes it indent.
    tabFocusMode: true,
    ...widthOptions(),
  });
  onColorsChanged((colors) => {
    monaco.editor.setTheme(themeFor(colors));
  });
  matchMedia(NARROW).addEventListener('change', () => editor.updateOptions(widthOptions()));
  return watchProblems(monaco, editor, model, view);
}

function widthOptions(): MonacoEditor.IEditorOptions {
  const narrow = matchMedia(NARROW).matches;
  return {
    folding: !narrow,
    glyphMargin: false,
    lineDecorationsWidth: narrow ? 8 : 12,
    lineNumbersMinChars: narrow ? 2 : 4,
    wordWrap: narrow ? 'on' : 'off',
  };
}

function watchProblems(
  monaco: MonacoApi,
  editor: MonacoEditor.IStandaloneCodeEditor,
  model: MonacoEditor.ITextModel,
  view: EditorView,
): Promise<void> {
  let first: MonacoEditor.IMarker | undefined;
  view.problem.addEventListener('click', () => {
    if (!first) return;
    editor.setSelection(monaco.Range.lift(first));
    editor.revealLineInCenterIfOutsideViewport(first.startLineNumber);
    editor.focus();
  });
  return new Promise((resolve) => {
    const show = (): void => {
      const markers = monaco.editor.getModelMarkers({ resource: model.uri });
      const errors = markers.filter(({ severity }) => severity === monaco.MarkerSeverity.Error);
      errors.sort((one, other) => one.startLineNumber - other.startLineNumber);
      first = errors[0];
      view.problem.hidden = !first;
      view.problem.textContent = first ? `Line ${first.startLineNumber}: ${first.message}` : '';
      view.problemCount.textContent =
        errors.length === 0
          ? 'TypeScript finds no problem.'
          : `${errors.length} problem${errors.length > 1 ? 's' : ''}`;
    };
    // The first change of markers is TypeScript's first answer; the sample has an error, so there is one.
    monaco.editor.onDidChangeMarkers(() => {
      show();
      resolve();
    });
  });
}

function themeFor(colors: Colors): string {
  return colors.dark ? 'tabseed-dark' : 'tabseed-light';
}

function defineThemes(monaco: MonacoApi): void {
  // The values of --surface in style.css: the editor is to sit in the page, not on it.
  monaco.editor.defineTheme('tabseed-light', {
    base: 'vs',
    inherit: true,
    rules: [],
    colors: { 'editor.background': '#ffffff', 'editor.lineHighlightBackground': '#f3f6f5' },
  });
  monaco.editor.defineTheme('tabseed-dark', {
    base: 'vs-dark',
    inherit: true,
    rules: [],
    colors: { 'editor.background': '#171d1c', 'editor.lineHighlightBackground': '#1e2625' },
  });
}
