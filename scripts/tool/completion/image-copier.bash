# bash completion for image-copier. It asks the program that was typed, and evaluates nothing that was typed.
_image_copier() {
  local line=${COMP_LINE:0:COMP_POINT} words=() lines=() word breaks kept='' i
  read -ra words <<< "$line"
  [[ $line == *[[:blank:]] ]] && words+=('')
  IFS=$'\n' read -d '' -ra lines < <("${words[0]/#\~\//$HOME/}" __complete -- "${words[@]:1}" 2> /dev/null)
  COMPREPLY=()
  case ${lines[0]-} in
    # The default: see below.
    files) return ;;
    folders) compopt -o dirnames +o default 2> /dev/null; return ;;
  esac
  # bash 3.2, which macOS has, knows no compopt.
  compopt +o default 2> /dev/null
  # bash replaces what follows the last = or : alone.
  word=${words[${#words[@]} - 1]}
  breaks=${COMP_WORDBREAKS//[^=:]/}
  [[ -n $breaks ]] && kept=${word%"${word##*[$breaks]}"}
  for ((i = 1; i < ${#lines[@]}; i++)); do
    word=${lines[i]%%$'\t'*}
    COMPREPLY+=("${word#"$kept"}")
  done
}
complete -o default -F _image_copier image-copier image-copier.mjs
