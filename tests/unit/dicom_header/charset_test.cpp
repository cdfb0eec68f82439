// SPDX-License-Identifier: MIT
#include "libfiona/dicom/charset.h"

#include <catch2/catch.hpp>

using fiona::dicom::Charset;

TEST_CASE("declared character sets are decoded to UTF-8")
{
    struct Sample {
        const char* declared;
        const char* bytes;
        const char* delimiters;
        const char* utf8;
    };
    const auto sample = GENERATE(values<Sample>({
        {"ISO_IR 100", "Buc^J\xe9r\xf4me", "\\^=", "Buc^Jérôme"},
        {"ISO_IR 101", "Wa\xb3\xeasa", "\\", "Wałęsa"},
        {"ISO_IR 126", "\xc4\xe9\xef", "\\", "Διο"},
        {"ISO_IR 166", "\xa1\xd2", "\\", "กา"},
        {"ISO_IR 13", "\xd4\xcf\xc0\xde^\xc0\xdb\xb3", "\\^=", "ﾔﾏﾀﾞ^ﾀﾛｳ"},
        {"ISO_IR 192", "\xe7\x8e\x8b", "\\", "王"},
        {"GB18030", "Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab", "\\^=", "Wang^XiaoDong=王^小东"},
        {"GBK", "\xcd\xf5", "\\", "王"},
        {"\\ISO 2022 IR 87", "\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B", "\\^=", "山田^太郎"},
        {"\\ISO 2022 IR 149", "\x1b$)C\xb1\xe8^\x1b$)C\xc8\xf1\xc1\xdf", "\\^=", "김^희중"},
        {"ISO 2022 IR 100\\ISO 2022 IR 144", "J\xe9\x1b-L\xbb\xee", "\\", "JéЛю"},
    }));
    CAPTURE(sample.declared);

    const auto text = Charset{sample.declared}.decode(sample.bytes, sample.delimiters);

    CHECK(text.utf8 == sample.utf8);
    CHECK_FALSE(text.guessed);
}

TEST_CASE("bytes that contradict the declaration are guessed, and the guess is told")
{
    struct Sample {
        const char* declared;
        const char* bytes;
        const char* utf8;
    };
    const auto sample = GENERATE(values<Sample>({
        {"", "J\xe9r\xf4me", "Jérôme"},
        {"", "J\xc3\xa9r\xc3\xb4me", "Jérôme"},
        {"ISO_IR 192", "J\xe9r\xf4me", "Jérôme"},
        {"NO SUCH SET", "\xe5", "å"},
        {"\\ISO 2022 IR 87", "\x1b$B;", "\x1b$B;"},
        {"ISO 2022 IR 100", "\x1b%Z\xe5", "\x1b%Zå"},
        {"ISO_IR 100", "\x1b", "\x1b"},
    }));
    CAPTURE(sample.declared);

    const auto text = Charset{sample.declared}.decode(sample.bytes, "\\");

    CHECK(text.utf8 == sample.utf8);
    CHECK(text.guessed);
}

TEST_CASE("a delimiter ends the designation of a code extension")
{
    const auto text = Charset{"ISO 2022 IR 100\\ISO 2022 IR 144"}.decode("\x1b-L\xbb\\\xe9", "\\");

    CHECK(text.utf8 == "Л\\é");
}
