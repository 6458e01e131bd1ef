// The scripts are joined into one: what one file declares, the others use. TypeScript sees
// that; eslint looks at each file alone, so the checks of names are TypeScript's.
import { readdirSync, readFileSync } from "node:fs";

const folder = new URL("../../../nbbatch/report/static/js/", import.meta.url);
const declared = readdirSync(folder).flatMap((file) =>
  [...readFileSync(new URL(file, folder), "utf8").matchAll(/^(?:async )?(?:function|class|const|let) (\w+)/gm)].map(
    (match) => [match[1], "readonly"],
  ),
);

export default [
  {
    files: ["nbbatch/report/static/js/*.js"],
    languageOptions: { ecmaVersion: 2022, sourceType: "script", globals: Object.fromEntries(declared) },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "array-callback-return": "error",
      curly: ["error", "multi-line"],
      eqeqeq: "error",
      "no-array-constructor": "error",
      "no-constant-condition": "error",
      "no-dupe-keys": "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-redeclare": ["error", { builtinGlobals: false }],
      "no-restricted-properties": [
        "error",
        ...["innerHTML", "outerHTML", "insertAdjacentHTML", "srcdoc"].map((property) => ({
          property,
          message: "Values come from anywhere: use textContent.",
        })),
        { object: "document", property: "write", message: "Values come from anywhere: use textContent." },
      ],
      "no-self-compare": "error",
      "no-shadow": "error",
      "no-unreachable": "error",
      "no-unused-vars": ["error", { vars: "local", argsIgnorePattern: "^_" }],
      "no-useless-concat": "error",
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": ["error", { destructuring: "all" }],
      "prefer-template": "error",
    },
  },
];
