// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/data_set.h"
#include "libfiona/anonymize/settings.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

/// Data sets and Part 10 files made in code, for the tests of de-identification.
namespace phantom {

using fiona::anonymize::Element;
using fiona::anonymize::Encoding;
using fiona::anonymize::Item;
using fiona::anonymize::Tag;
using fiona::anonymize::Vr;

Element text(Tag tag, Vr vr, std::string_view value);
Element sequence(Tag tag, std::vector<Item> items);
void put(Item& item, Element element); ///< in its place; replaces one of the same tag

struct Names {
    std::string study = "1.2.752.24.5.111111.1";
    std::string series = "1.2.752.24.5.111111.2";
    std::string instance = "1.2.752.24.5.111111.3";
};
/// A small MR image of Kari Prøve (Latin-1), without pixel data.
Item image(const Names& names = {});

enum class Syntax { implicit, explicit_little, explicit_big, deflated, rle };
struct Made {
    std::filesystem::path file;
    std::string pixels; ///< the bytes of the pixel data element, header included
};
/// Rows, columns and bits of a sample, in little endian.
void put_size(Item& item, unsigned rows, unsigned columns, unsigned bits_allocated = 16);

/// Writes preamble ("PREAMBLE-" and so on: it must vanish), a meta header with AE titles, the data
/// set, pixel data, and trailing padding behind it.
Made write(const std::filesystem::path& file, const Item& root,
           Syntax syntax = Syntax::explicit_little);
/// The same with a pixel data element of the caller's, as it is to stand in the file.
Made write(const std::filesystem::path& file, const Item& root, std::string_view transfer_syntax,
           const std::string& pixels);

/// (7FE0,0010), encapsulated: an offset table and fragments as they are (PS3.5 §A.4).
std::string encapsulated(const std::vector<std::string>& fragments, std::string_view table = {},
                         std::string_view vr = "OB");

/// hmac with a key made in `directory`, date shift of 42 days.
fiona::anonymize::Settings settings(const std::filesystem::path& directory);

std::string slurp(const std::filesystem::path& file);
/// All files below, by name, with their bytes.
std::vector<std::pair<std::string, std::string>> tree(const std::filesystem::path& directory);

} // namespace phantom
