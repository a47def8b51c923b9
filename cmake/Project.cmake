# The kinds of target in this project. Every target is declared with one of these, so that flags,
# include roots and lint settings live here and nowhere else.

add_library(project_flags INTERFACE)
target_compile_features(project_flags INTERFACE cxx_std_20)
target_compile_options(project_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Wold-style-cast -Woverloaded-virtual -Wimplicit-fallthrough
  -Wno-missing-field-initializers -Werror
  # g++ 12 finds variants and std::regex maybe uninitialised, wrongly, and at -O3 that texts which are
  # put together overlap.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized -Wno-restrict>)
target_include_directories(project_flags INTERFACE ${PROJECT_SOURCE_DIR})
if(LEAT_SANITIZE)
  target_compile_options(project_flags INTERFACE
    -fsanitize=${LEAT_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(project_flags INTERFACE -fsanitize=${LEAT_SANITIZE})
endif()

# project_library(<name> SOURCES <files...> [LINK <targets...>])
function(project_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LINK")
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC project_flags ${arg_LINK})
endfunction()

# project_program(<name> SOURCES <files...> [LINK <targets...>]): lands at the top of the build tree.
function(project_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LINK")
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE project_flags ${arg_LINK})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
endfunction()

# Catch2's main(), compiled once.
add_library(test_main STATIC EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/tests/main.cpp)
target_link_libraries(test_main PUBLIC project_flags Catch2::Catch2)

# What `./dev tsan` builds: the tests in which threads meet.
add_custom_target(thread_tests)

# project_test(<name> [THREADS] SOURCES <files...> [LINK <targets...>]): one executable, one ctest
# entry per case. THREADS: threads meet in it, so it runs under TSan too.
function(project_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "THREADS" "" "SOURCES;LINK")
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE test_main ${arg_LINK})
  set(labels)
  if(arg_THREADS)
    add_dependencies(thread_tests ${name})
    set(labels PROPERTIES LABELS threads)
  endif()
  catch_discover_tests(${name} TEST_PREFIX "${name}: " EXTRA_ARGS --warn NoTests ${labels})
endfunction()
