// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/store/arrival_marks.h"
#include "tests/support/forked_child.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <sys/stat.h>

#include <climits>
#include <fstream>

using namespace fiona;
using store::ArrivalMark;
using store::ArrivalMarks;
namespace fs = std::filesystem;

namespace {

ArrivalMark study_mark(std::string caller = "CT", std::string host = "ct-1")
{
    return {std::move(caller), "FIONA", std::move(host), StudyUid{"1.2.3"}, {}};
}

ArrivalMark series_mark()
{
    return {"CT", "FIONA", "ct-1", StudyUid{"1.2.3"}, SeriesUid{"1.2.3.4"}};
}

} // namespace

TEST_CASE("a mark is found again by its file name")
{
    CHECK(study_mark().file_name() == "CT FIONA ct-1 scp_1.2.3");
    CHECK(series_mark().file_name() == "CT FIONA ct-1 1.2.3 1.2.3.4");

    const auto study = ArrivalMark::parse(study_mark().file_name());
    const auto series = ArrivalMark::parse(series_mark().file_name());

    REQUIRE(study.has_value());
    CHECK_FALSE(study->series.has_value());
    REQUIRE(series.has_value());
    CHECK(series->series == SeriesUid{"1.2.3.4"});
    CHECK(series->study == StudyUid{"1.2.3"});
}

TEST_CASE("any AE title and host survive in a file name")
{
    const auto text = GENERATE(as<std::string>{}, "", "MY CT", " x ", "a/b", "../..", "100%",
                               "a%20b", ".", "å", "\xe5\x01", "scp_1.2.3");
    CAPTURE(text);

    const auto name = study_mark(text, text).file_name();
    const auto parsed = ArrivalMark::parse(name);

    CHECK(name.find('/') == std::string::npos);
    CHECK(name.front() != '.');
    REQUIRE(parsed.has_value());
    CHECK(parsed->caller == text);
    CHECK(parsed->called == "FIONA");
    CHECK(parsed->host == text);
    CHECK(parsed->study == StudyUid{"1.2.3"});
}

TEST_CASE("the longest mark still is a legal file name")
{
    const TempDir directory;
    const ArrivalMarks marks{directory / "arrived"};
    const ArrivalMark longest{std::string(300, ' '), std::string(300, 'A'), std::string(300, '/'),
                              StudyUid{std::string(64, '1')}, SeriesUid{std::string(64, '2')}};

    marks.touch(longest);

    CHECK(longest.file_name().size() <= NAME_MAX);
    REQUIRE(marks.all().size() == 1);
    CHECK(marks.all()[0].mark.series == SeriesUid{std::string(64, '2')});
}

TEST_CASE("names of the original with blanks in AE titles are read from the right")
{
    const auto mark = ArrivalMark::parse("MY OLD CT FIONA ct-1 scp_1.2.3");

    REQUIRE(mark.has_value());
    CHECK(mark->host == "ct-1");
    CHECK(mark->study == StudyUid{"1.2.3"});
    CHECK(mark->caller + " " + mark->called == "MY OLD CT FIONA");
}

TEST_CASE("a series mark of an old writer may keep the prefix of the study")
{
    const auto mark = ArrivalMark::parse("CT FIONA ct-1 scp_1.2.3 1.2.3.4");

    REQUIRE(mark.has_value());
    CHECK(mark->study == StudyUid{"1.2.3"});
    CHECK(mark->series == SeriesUid{"1.2.3.4"});
}

TEST_CASE("what is no mark is nothing")
{
    const auto* const name =
        GENERATE("", "x", "1.2.3", "scp_1.2.3", "a scp_1.2.3", "a b c scp_", "a b c scp_x",
                 "a b c 1.2.3", "a b c scp_1..2", "a b c 1.2.3 x");
    CAPTURE(name);
    CHECK_FALSE(ArrivalMark::parse(name).has_value());
}

TEST_CASE("a second touch renews the time of a mark")
{
    const TempDir directory;
    const ArrivalMarks marks{directory / "arrived"};
    marks.touch(study_mark());
    fs::last_write_time((directory / "arrived").append(study_mark().file_name()), {});
    const auto long_ago = marks.all().at(0).last_arrival;

    marks.touch(study_mark());

    REQUIRE(marks.all().size() == 1);
    CHECK(marks.all()[0].last_arrival != long_ago);
    CHECK(marks.all()[0].last_arrival > Clock::now() - std::chrono::minutes{1});
}

TEST_CASE("a mark is claimed once, and finished or set aside")
{
    const TempDir directory;
    const ArrivalMarks marks{directory / "arrived"};
    marks.touch(study_mark());
    marks.touch(series_mark());
    const auto study = study_mark().file_name();
    const auto series = series_mark().file_name();

    CHECK(marks.claim(study));
    CHECK_FALSE(marks.claim(study));
    CHECK(marks.claim(series));
    CHECK(marks.all().empty());
    CHECK(marks.claimed().size() == 2);

    marks.finish(study);
    marks.finish(study);
    marks.fail(series);
    marks.fail(series);
    CHECK(marks.claimed().empty());
    CHECK(fs::exists(directory.path / "arrived/.failed" / series));
}

TEST_CASE("an object that arrives after the claim makes a new mark")
{
    const TempDir directory;
    const ArrivalMarks marks{directory / "arrived"};
    marks.touch(study_mark());
    REQUIRE(marks.claim(study_mark().file_name()));

    marks.touch(study_mark());

    CHECK(marks.all().size() == 1);
    CHECK(marks.claimed().size() == 1);
}

TEST_CASE("names that cannot be read, directories and links are no marks")
{
    const TempDir directory;
    const ArrivalMarks marks{directory / "arrived"};
    std::ofstream{directory / "arrived/nonsense"} << "";
    fs::create_directory(directory / "arrived/CT FIONA ct-1 scp_1.2.3");
    fs::create_symlink("/etc/passwd", directory / "arrived/CT FIONA ct-1 scp_1.2.4");

    CHECK(marks.all().empty());
}

TEST_CASE("an open association is seen while its process lives")
{
    const TempDir directory;
    const ArrivalMarks marks{directory / "arrived"};
    ForkedChild receiver{[&] {
        marks.open_association(std::to_string(::getpid()) + "-1", StudyUid{"1.2.3"});
        marks.open_association(std::to_string(::getpid()) + "-1", StudyUid{"1.2.4"});
        ::pause();
    }};
    REQUIRE(eventually([&] { return marks.has_open_association(StudyUid{"1.2.4"}); }));
    CHECK(marks.has_open_association(StudyUid{"1.2.3"}));
    CHECK_FALSE(marks.has_open_association(StudyUid{"1.2"}));

    receiver.kill();

    CHECK_FALSE(marks.has_open_association(StudyUid{"1.2.3"}));
    CHECK(fs::is_empty(directory / "arrived/.open"));
}

TEST_CASE("a closed association is closed, closing it again is harmless")
{
    const TempDir directory;
    const ArrivalMarks marks{directory / "arrived"};
    const auto name = std::to_string(::getpid()) + "-1";
    marks.open_association(name, StudyUid{"1.2.3"});
    REQUIRE(marks.has_open_association(StudyUid{"1.2.3"}));

    marks.close_association(name);
    marks.close_association(name);

    CHECK_FALSE(marks.has_open_association(StudyUid{"1.2.3"}));
}
