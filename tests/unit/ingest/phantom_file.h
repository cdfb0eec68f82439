// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"

#include <filesystem>
#include <map>
#include <string>

/// A small Part 10 file made in code: a two by two MR image. Everything else is an attribute given
/// as `gggg,eeee` -> value, which replaces or adds; "-" removes. Character VRs only, by dictionary;
/// group 0002 goes to the meta header.
using Attributes = std::map<std::string, std::string>;

void write_image(const std::filesystem::path& file, const Attributes& attributes);

/// `uid_root.series.number` for the images of one study.
inline const std::string study_uid = "1.2.826.0.1.3680043.8.498.7";
std::string series_uid(unsigned series);
std::string sop_uid(unsigned series, unsigned number);

/// Writes an image into the archive of the site and returns its path.
std::filesystem::path store_image(const fiona::Paths& paths, unsigned series, unsigned number,
                                  Attributes attributes = {});
/// What the receiver does: the image, and its spool entry.
void receive_image(const fiona::Paths& paths, unsigned series, unsigned number,
                   Attributes attributes = {});

/// A configuration file whose site lies below `root`.
std::filesystem::path make_site(const std::filesystem::path& root);
