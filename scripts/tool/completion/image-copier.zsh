#compdef image-copier image-copier.mjs
# zsh completion for image-copier. It asks the program that was typed, and evaluates nothing that was typed.
_image-copier() {
  local line program=${(Q)words[1]}
  local -a lines candidates
  program=${program/#\~\//$HOME/}
  lines=("${(@f)$("$program" __complete -- "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2> /dev/null)}")
  case $lines[1] in
    files) compset -P '--*='; _files ;;
    folders) compset -P '--*='; _files -/ ;;
    words)
      for line in "${(@)lines[2,-1]}"; do
        candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
      done
      _describe image-copier candidates ;;
  esac
}
if [[ $funcstack[1] == _image-copier ]]; then
  _image-copier
else
  compdef _image-copier image-copier image-copier.mjs
fi
