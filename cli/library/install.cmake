# What is installed where, and the Debian package of it.
include(GNUInstallDirs)
set(documents ${CMAKE_BINARY_DIR}/documents) # made by the program, from the tables that it obeys
file(MAKE_DIRECTORY ${documents})

# A manual page for each command, named as in cli/commands.h, and one of the whole.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/cli/commands.h)
file(READ ${CMAKE_SOURCE_DIR}/cli/commands.h table)
string(REGEX MATCHALL "ROW\\([a-z_]+\\)" rows "${table}")
set(pages "")
list(TRANSFORM rows REPLACE "ROW\\((.*)\\)" "\\1")
foreach(command assay ${rows})
  set(page ${documents}/assay-${command}.1.gz)
  if(command STREQUAL assay)
    set(page ${documents}/assay.1.gz)
  endif()
  add_custom_command(OUTPUT ${page} COMMAND assay help --man ${command} > ${page}.tmp COMMAND gzip -9n < ${page}.tmp > ${page}
                     COMMAND ${CMAKE_COMMAND} -E rm ${page}.tmp DEPENDS assay VERBATIM)
  list(APPEND pages ${page})
endforeach()
# Completion, under the names by which shells look for it.
set(completions "")
foreach(shell bash zsh fish)
  set(file ${documents}/${shell}/assay)
  if(shell STREQUAL zsh)
    set(file ${documents}/${shell}/_assay)
  elseif(shell STREQUAL fish)
    string(APPEND file .fish)
  endif()
  file(MAKE_DIRECTORY ${documents}/${shell})
  add_custom_command(OUTPUT ${file} COMMAND assay help --completion ${shell} > ${file} DEPENDS assay VERBATIM)
  list(APPEND completions ${file})
endforeach()
add_custom_target(documents ALL DEPENDS ${pages} ${completions})

# libassay.a: one object of all that the library's verbs need, in which nothing but they can be seen from outside, so that names of the
# engine are free for whoever links it.
set(archive ${CMAKE_BINARY_DIR}/libassay.a)
get_property(folders GLOBAL PROPERTY ASSAY_FOLDERS)
list(TRANSFORM folders REPLACE "(.+)" "$<TARGET_FILE:\\1>" OUTPUT_VARIABLE archives)
add_custom_command(OUTPUT ${archive}
  COMMAND ${CMAKE_C_COMPILER} -r -nostdlib -o ${archive}.o $<TARGET_OBJECTS:assay_library> -Wl,--start-group ${archives} -Wl,--end-group
          -Wl,--force-group-allocation
  COMMAND ${CMAKE_OBJCOPY} --wildcard --keep-global-symbol=assay_* ${archive}.o
  COMMAND ${CMAKE_COMMAND} -E rm -f ${archive}
  COMMAND ${CMAKE_AR} rcs ${archive} ${archive}.o
  COMMAND ${CMAKE_COMMAND} -E rm ${archive}.o
  DEPENDS ${folders} $<TARGET_OBJECTS:assay_library> COMMAND_EXPAND_LISTS VERBATIM)
add_custom_target(archive ALL DEPENDS ${archive})
file(RELATIVE_PATH include_from_pc ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_FULL_INCLUDEDIR}) # whatever the prefix is
configure_file(${CMAKE_CURRENT_LIST_DIR}/assay.pc.in ${CMAKE_BINARY_DIR}/assay.pc @ONLY)

install(TARGETS assay RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${CMAKE_SOURCE_DIR}/reports/report.schema.json ${CMAKE_SOURCE_DIR}/suites/suite.schema.json
              ${CMAKE_SOURCE_DIR}/suites/quality.json DESTINATION ${CMAKE_INSTALL_DATADIR}/assay)
list(TRANSFORM suite_files PREPEND ${CMAKE_SOURCE_DIR}/)
install(FILES ${suite_files} DESTINATION ${CMAKE_INSTALL_DATADIR}/assay)
install(FILES ${CMAKE_SOURCE_DIR}/LICENSE ${CMAKE_SOURCE_DIR}/HACKING.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
foreach(page ${ASSAY_PAGES} reports/report.png)
  get_filename_component(folder ${page} DIRECTORY)
  install(FILES ${CMAKE_SOURCE_DIR}/${page} DESTINATION ${CMAKE_INSTALL_DOCDIR}/${folder})
endforeach()
install(FILES ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright) # where Debian looks
install(FILES ${CMAKE_SOURCE_DIR}/scripts/example.c DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${documents}/bash/assay DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${documents}/zsh/_assay DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${documents}/zsh/_assay DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions) # where Debian's looks
install(FILES ${documents}/fish/assay.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(FILES ${CMAKE_SOURCE_DIR}/cli/library/assay.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${archive} DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${CMAKE_BINARY_DIR}/assay.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME assay)
set(CPACK_PACKAGE_CONTACT "the assay authors <maintainers@assay.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "prove an extracted language model against gold")
set(CPACK_PACKAGE_DESCRIPTION
"Runs the weights of a language model in its own engine, compares every
activation, the logits and the texts with dumps that the original
implementation made, and names what broke and what puts it right.
.
The package holds the program, its manual pages and completions, and
libassay, a static library with its header.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_RESOURCE_FILE_LICENSE ${CMAKE_SOURCE_DIR}/LICENSE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "gnuplot-nox, hunspell-en-us")
# Who compiles against the library needs what it links.
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "pkg-config, libopenblas-dev, libcjson-dev, libpcre2-dev, libicu-dev, libssl-dev, libxxhash-dev, \
libcld2-dev, libhunspell-dev, libcmark-gfm-dev, libcmark-gfm-extensions-dev, zlib1g-dev")
include(CPack)
