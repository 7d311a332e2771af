# fish completion for image-copier. It asks the program that was typed, and evaluates nothing that was typed.
function __image_copier_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  # NAME=value before the command.
  while string match -qr '^\w+=' -- "$words[1]"
    set -e words[1]
  end
  set -l program (string replace -r '^~/' "$HOME/" -- $words[1])
  set -l lines ($program __complete -- $words[2..-1] "$current" 2> /dev/null)
  set -l flag (string match -r '^--[^=]+=' -- "$current")
  set -l path (string replace -r '^--[^=]+=' '' -- "$current")
  switch "$lines[1]"
    case files
      printf "$flag%s\n" (__fish_complete_path "$path")
    case folders
      printf "$flag%s\n" (__fish_complete_directories "$path" '')
    case words
      printf '%s\n' $lines[2..-1]
  end
end
complete -c image-copier -f -a '(__image_copier_complete)'
complete -c image-copier.mjs -f -a '(__image_copier_complete)'
