# The parts of the report's page as C: cmake -DSOURCE=... -DOUT=... -P report_embed.cmake
function(embed name)
  set(hex)
  foreach(file ${ARGN})
    file(READ ${SOURCE}/analysis/${file} part HEX)
    string(APPEND hex ${part})
  endforeach()
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)"
         "    \\1\n" bytes "${bytes}")
  file(APPEND ${OUT}.new
    "static const unsigned char ${name}_data[] = {\n${bytes}};\n"
    "const struct ana__part ana__page_${name} = {${name}_data, sizeof ${name}_data};\n")
endfunction()

file(WRITE ${OUT}.new "/* Made by analysis/report_embed.cmake. */\n#include \"analysis/report_internal.h\"\n\n")
embed(html report_page.html)
embed(css report_page.css)
embed(js report_data.js report_state.js report_chart.js report_page.js)
file(RENAME ${OUT}.new ${OUT})
