# Two Debian packages: fiona-suite (tools, manual pages, completions, units, logrotate, user) and
# fiona-suite-demo (scripts/demo and the programs it needs). `fiona` alone is another package of Debian's.
# Made by scripts/package.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME fiona-suite)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "fiona developers <fiona@example.org>")
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL fiona demo)
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS OFF)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)

set(CPACK_DEBIAN_FIONA_PACKAGE_NAME fiona-suite)
set(CPACK_COMPONENT_FIONA_DESCRIPTION
  "gatekeeper of a hospital's research PACS
Receives clinical DICOM by C-STORE, quarantines and sorts it, records it in
REDCap, and, once a study is assigned to a project, de-identifies header and
pixels, proves it, and sends it to the research archive. With exports, jobs
in containers, pathology slides, and clean-up. Small tools for cron or systemd.")
# What is loaded by the runs that need it, or is run: no linker knows it.
set(CPACK_DEBIAN_FIONA_PACKAGE_DEPENDS
  "libcurl4, libtesseract5, tesseract-ocr-eng, libopenslide0, util-linux, systemd-standalone-sysusers | systemd")
set(CPACK_DEBIAN_FIONA_PACKAGE_RECOMMENDS "cron | systemd, logrotate, man-db, jq, tesseract-ocr-nor")
set(CPACK_DEBIAN_FIONA_PACKAGE_SUGGESTS "bubblewrap, podman, slurm-client, dcm2niix, poppler-utils, fiona-suite-demo")
set(CPACK_DEBIAN_FIONA_PACKAGE_CONTROL_EXTRA
  "${CMAKE_CURRENT_LIST_DIR}/postinst;${CMAKE_CURRENT_LIST_DIR}/prerm;${CMAKE_CURRENT_LIST_DIR}/postrm;${CMAKE_CURRENT_LIST_DIR}/conffiles")

set(CPACK_DEBIAN_DEMO_PACKAGE_NAME fiona-suite-demo)
set(CPACK_COMPONENT_DEMO_DESCRIPTION
  "fiona: see a study go all the way
Makes a site with an embedded REDCap and DCMTK's archive as research PACS,
sends phantoms or the images of a directory to it, and shows what comes out.")
set(CPACK_DEBIAN_DEMO_PACKAGE_DEPENDS
  "fiona-suite (= ${PROJECT_VERSION}), dcmtk, jq, curl, procps, util-linux, bsdextrautils")

# The files of a site below / as fiona-config init makes them: units, rotation, and examples.
set(default_site ${PROJECT_BINARY_DIR}/default-site)
add_custom_command(OUTPUT ${default_site}/config.json
  COMMAND ${PROJECT_SOURCE_DIR}/scripts/make-default-site ${PROJECT_BINARY_DIR}/bin ${default_site}
  DEPENDS fiona-config ${PROJECT_SOURCE_DIR}/scripts/make-default-site ${PROJECT_SOURCE_DIR}/crontab.example
  VERBATIM)
add_custom_target(default-site ALL DEPENDS ${default_site}/config.json)
install(DIRECTORY ${default_site}/systemd/ DESTINATION lib/systemd/system COMPONENT fiona)
install(FILES ${default_site}/logrotate DESTINATION /etc/logrotate.d RENAME fiona COMPONENT fiona)
install(FILES ${default_site}/config.json ${default_site}/crontab
  DESTINATION share/doc/fiona-suite/examples COMPONENT fiona)
install(FILES share/sysusers/fiona.conf DESTINATION lib/sysusers.d COMPONENT fiona)
install(FILES LICENSE DESTINATION share/doc/fiona-suite RENAME copyright COMPONENT fiona)
install(FILES README.md ARCHITECTURE.md CHANGELOG.md DESTINATION share/doc/fiona-suite COMPONENT fiona)

install(PROGRAMS scripts/demo DESTINATION bin RENAME fiona-demo COMPONENT demo)
install(PROGRAMS scripts/demo-not-carried DESTINATION lib/fiona-demo COMPONENT demo)
install(TARGETS make-phantoms make-slides leak-scan list-dicom RUNTIME DESTINATION lib/fiona-demo COMPONENT demo)
install(FILES LICENSE DESTINATION share/doc/fiona-suite-demo RENAME copyright COMPONENT demo)
include(CPack)
