# Run at each build by BuildInfo.cmake: writes the file anew only when it would say something else.
cmake_minimum_required(VERSION 3.25)
if(NOT COMMIT)
  # A repository that the source merely lies in is not its own.
  get_filename_component(above ${SOURCE} DIRECTORY)
  set(ENV{GIT_CEILING_DIRECTORIES} ${above})
  execute_process(COMMAND git describe --always --abbrev=40 --exclude=* --dirty WORKING_DIRECTORY ${SOURCE}
    OUTPUT_VARIABLE COMMIT ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed)
  if(NOT failed EQUAL 0)
    set(COMMIT "unknown")
  endif()
endif()
file(CONFIGURE OUTPUT ${OUTPUT} @ONLY CONTENT "// Written by cmake/WriteBuildInfo.cmake.
#include \"@MODULE@/build_info.h\"

namespace hv::@MODULE@ {

const BuildInfo& build_info() {
  static constexpr BuildInfo info{\"@COMMIT@\", \"@COMPILER@\", \"@BUILD_TYPE@\"};
  return info;
}

}  // namespace hv::@MODULE@
")
