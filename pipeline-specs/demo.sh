#!/usr/bin/env bash
# demo.sh [LEAT]: translates the licences that every Debian system has, line by line, with the
# eleven tools of translate.yml, and shows what the shell's own pipe makes of the same tools and
# text. Then a second, small example. `./dev demo` builds and installs what this needs, and runs it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

leat=${1:-build/release/leat}
folder=build/demo
corpus=$folder/corpus
translated=$folder/out
dead=$folder/dead-letters.jsonl
apertium=/usr/share/apertium/apertium-eng-spa
unset PYTHONUNBUFFERED
mkdir -p $folder

heading() { printf '\n== %s\n\n' "$*"; }

count() { tr -cd '\0' <"$1" | wc -c; }

as_lines() { tr '\0\n' '\n ' <"$1"; }

# Raw text: every line is a record, with a NUL at its end. GPL-2 comes first, because the first of
# its lines that ends a tool is the 41st: there is something to show before it.
make_corpus() {
  local licences=/usr/share/common-licenses
  {
    cat $licences/GPL-2
    find $licences -type f ! -name GPL-2 -print0 | LC_ALL=C sort -z | xargs -0 cat
  } | tr '\n' '\0' >$corpus
}

# run_leat ARGUMENT...: exit status 1, some records failed, is part of the show.
run_leat() {
  local status=0
  "$leat" "$@" || status=$?
  if ((status > 1)); then
    echo "demo: leat ended with exit status $status" >&2
    exit "$status"
  fi
}

# What one types without Leat.
shell_pipe() {
  lt-proc -z $apertium/eng-spa.automorf.bin |
    apertium-tagger -z -g $apertium/eng-spa.prob |
    apertium-pretransfer -z |
    apertium-transfer -z -n $apertium/apertium-eng-spa.eng-spa.genitive.t1x \
      $apertium/eng-spa.genitive.bin |
    lt-proc -z -b $apertium/eng-spa.autobil.bin |
    lrx-proc -z -m $apertium/eng-spa.autolex.bin |
    apertium-transfer -z -b $apertium/apertium-eng-spa.eng-spa.t1x $apertium/eng-spa.t1x.bin |
    apertium-interchunk -z $apertium/apertium-eng-spa.eng-spa.t2x $apertium/eng-spa.t2x.bin |
    apertium-postchunk -z $apertium/apertium-eng-spa.eng-spa.t3x $apertium/eng-spa.t3x.bin |
    lt-proc -z -g $apertium/eng-spa.autogen.bin |
    lt-proc -z -p $apertium/eng-spa.autopgen.bin
}

translate() {
  run_leat pipe --progress --summary --dead-letters $dead pipeline-specs/translate.yml \
    <$corpus >$translated
}

# The first lines that are not empty. No record is missing so early, so that they stand in step.
show_first() {
  paste -d '\n' <(as_lines $corpus | head -n 20 | sed 's/^ */en  /') \
    <(as_lines $translated | head -n 20 | sed 's/^ */es  /') | grep -v '^.. *$'
}

# How many of the shell's answers are leat's too. (At end-of-file the tools print empty records
# besides, which answer nothing.)
shell_answers() {
  local differs
  differs=$(cmp $translated $folder/shell-out 2>&1 | sed -nE 's/.* (byte|char) ([0-9]+).*/\2/p')
  head -c "$((${differs:-1} - 1))" $folder/shell-out | tr -cd '\0' | wc -c
}

show_shell() {
  local lines answers
  shell_pipe <$corpus >$folder/shell-out 2>$folder/shell-err || true
  lines=$(count $corpus)
  answers=$(shell_answers)
  echo "It says \"$(head -n 1 $folder/shell-err)\" and answers $answers of $lines lines:" \
    "$((lines - answers)) are lost."
}

show_dead() {
  echo "leat answered $(count $translated) of $(count $corpus) lines, in order. The other" \
    "$(wc -l <$dead) are in $dead, the first of them:"
  echo
  head -n 1 $dead | cut -c 1-800
}

show_morphology() {
  echo "すもももももももものうち" >$folder/japanese
  echo "猫は窓の外を見ている。" >>$folder/japanese
  run_leat pipe pipeline-specs/morphology.yml <$folder/japanese
}

make_corpus
heading "translate.yml: $(count $corpus) lines from English to Spanish through eleven tools"
translate
heading "The first results beside their originals"
show_first
heading "The same tools and text in the shell's own pipe"
show_shell
heading "The lines that no tool can take"
show_dead
heading "morphology.yml: MeCab, answers of several lines with an end mark"
show_morphology
