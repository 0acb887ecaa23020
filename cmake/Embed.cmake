# hydravisor_embed(MODULE FUNCTION DIRECTORY): the .toml files of DIRECTORY become part of the module, as the function
# `const base::EmbeddedFiles& hv::MODULE::FUNCTION()`. The module declares it in a header. An edit or a new file counts at the next build.
function(hydravisor_embed module function directory)
  file(GLOB files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${directory}/*.toml)
  set(rows "")
  foreach(file ${files})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    get_filename_component(name ${file} NAME_WE)
    file(READ ${file} text)
    string(APPEND rows "      {\"${name}\", R\"embedded(${text})embedded\"},\n")
  endforeach()
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${module}/${function}.cc)
  file(WRITE ${output}.new "// Written by CMake from ${directory}.
#include \"base/embedded_files.h\"

namespace hv::${module} {

const base::EmbeddedFiles& ${function}() {
  static constexpr base::EmbeddedFile files[] = {
${rows}  };
  static constexpr base::EmbeddedFiles all(files);
  return all;
}

}  // namespace hv::${module}
")
  # A build begins anew only when something changed.
  file(COPY_FILE ${output}.new ${output} ONLY_IF_DIFFERENT)
  target_sources(hv_${module} PRIVATE ${output})
endfunction()
