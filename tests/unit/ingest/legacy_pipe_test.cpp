// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/dicom/library.h"
#include "libfiona/ingest/announcement.h"
#include "libfiona/ingest/legacy_pipe.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/ingest/phantom_file.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace fiona;
using ingest::LegacyPipe;
using ingest::LineSplitter;
using ingest::OldPipeName;
namespace fs = std::filesystem;
using std::chrono::steady_clock;
using namespace std::string_literals;
using Lines = std::vector<std::string>;

namespace {

struct Site {
    TempDir root;
    dicom::Library library;
    Config config = Config::load(make_site(root.path));
};

void put(const fs::path& fifo, std::string_view text)
{
    const UniqueFd fd{::open(fifo.c_str(), O_WRONLY | O_NONBLOCK)};
    REQUIRE(fd);
    write_all(fd.get(), text, "fifo");
}

Error refusal(const Site& site, const std::string& line)
{
    try {
        static_cast<void>(ingest::announce_line(site.config.paths, line));
    } catch (const Error& e) {
        return e;
    }
    FAIL("was not refused");
    throw std::logic_error{"unreachable"};
}

} // namespace

TEST_CASE("lines come out whole however they come in, without NULs and rings")
{
    LineSplitter splitter;
    CHECK(splitter.add("a,b").empty());
    CHECK(splitter.add("\n\0\n\n \0c\r\n d"s) == Lines{"a,b", "c"});
    CHECK(splitter.has_rest());
    CHECK(splitter.take_rest() == "d");
    CHECK(splitter.take_rest().empty());
}

TEST_CASE("a line that is too long is dropped whole, the next one is not")
{
    LineSplitter splitter;
    const std::string much(LineSplitter::longest + 1, 'x');
    CHECK(splitter.add(much).empty());
    CHECK(splitter.add(much + "tail\nnext\n") == Lines{"next"});
    CHECK(splitter.take_dropped() == 1);
    CHECK(splitter.take_dropped() == 0);
}

TEST_CASE("the pipe gives lines of several writers, and a line without an end after a second")
{
    const Site site;
    LegacyPipe pipe{site.config};
    const auto now = steady_clock::now();

    CHECK(pipe.take_lines(now).empty());
    put(pipe.path(), std::string{"A,B,c,/d,e\n\0", 12});
    put(pipe.path(), "/no/end");
    CHECK(pipe.take_lines(now) == Lines{"A,B,c,/d,e"});
    CHECK(pipe.take_lines(now).empty());
    CHECK(pipe.has_rest());
    CHECK(pipe.take_lines(now + std::chrono::seconds{2}) == Lines{"/no/end"});
    CHECK_FALSE(pipe.has_rest());
    struct stat status {};
    REQUIRE(::stat(pipe.path().c_str(), &status) == 0);
    CHECK((status.st_mode & 07777U) == 0620);
}

TEST_CASE("something else under the name of the pipe is not touched")
{
    const Site site;
    fs::create_directories(site.config.paths.data / "run");
    store::write_file(site.config.paths.data / "run" / "processSingleFile.pipe", "mine");
    CHECK_THROWS_AS(LegacyPipe{site.config}, Error);
    CHECK(read_file(site.config.paths.data / "run" / "processSingleFile.pipe") == "mine");
}

TEST_CASE("a line may name files of the archive only")
{
    const Site site;
    const auto image = store_image(site.config.paths, 1, 1);
    const auto outside = site.root / "outside.dcm";
    fs::copy_file(image, outside);
    fs::create_symlink(outside, image.parent_path() / "MR.link");
    fs::create_symlink(image, site.root / "link.dcm");

    CHECK(ingest::announce_line(site.config.paths, image.native()).file
          == image.filename().native());
    // By a link from elsewhere, the archive's own name is taken.
    CHECK(ingest::announce_line(site.config.paths, (site.root / "link.dcm").native()).directory
          == image.parent_path());
    for (const auto& path :
         {outside, image.parent_path() / "MR.link", image.parent_path() / "../../../../outside.dcm",
          site.config.paths.archive(), fs::path{"/etc/passwd"}}) {
        CAPTURE(path);
        CHECK(refusal(site, path.native()).fault() == Fault::data);
        CHECK(refusal(site, "A,B,c," + path.parent_path().native() + "," + path.filename().native())
                  .fault()
              == Fault::data);
    }
    CHECK(refusal(site, (image.parent_path() / "gone").native()).fault() == Fault::missing);
}

TEST_CASE("what is no announcement is refused without a word of it")
{
    const auto line =
        GENERATE(as<std::string>{}, "DOE^JANE", "a,b,c", "a,b,c,d,e", "1,2,3,4,5,6", "/DOE,JANE",
                 "\xff\xfe\x01", std::string{"/DOE\0/JANE", 10}, "a,b,c,relative,DOE");
    CAPTURE(line);
    try {
        static_cast<void>(ingest::parse_announcement(line));
        FAIL("was not refused");
    } catch (const Error& e) {
        CHECK(e.fault() == Fault::data);
        CHECK(std::string{e.what()}.find("DOE") == std::string::npos);
    }
}

TEST_CASE(
    "the old name leads to the pipe while it is wanted, and takes the place of a dead one only")
{
    Site site;
    site.config.project = fmt::format("test{}", ::getpid()); // a name in /tmp of our own
    const auto name = OldPipeName::name(site.config);
    CHECK(name.native() == "/tmp/.processSingleFilePipe" + site.config.project);
    const auto target = site.root / "pipe";
    struct Remove {
        fs::path path;
        ~Remove() { ::unlink(path.c_str()); }
    } const remove{name};

    SECTION("nothing there")
    {
        {
            const OldPipeName link{site.config, target};
            CHECK(fs::read_symlink(name) == target);
        }
        CHECK_FALSE(fs::is_symlink(name));
    }
    SECTION("a FIFO that nobody reads, a link of a killed process")
    {
        REQUIRE(::mkfifo(name.c_str(), 0600) == 0);
        const OldPipeName link{site.config, target};
        const OldPipeName again{site.config, target};
        CHECK(fs::read_symlink(name) == target);
    }
    SECTION("a FIFO that the original reads")
    {
        REQUIRE(::mkfifo(name.c_str(), 0600) == 0);
        const UniqueFd reader{::open(name.c_str(), O_RDONLY | O_NONBLOCK)};
        CHECK_THROWS_AS((OldPipeName{site.config, target}), Error);
        CHECK(fs::is_fifo(name));
    }
    SECTION("a file")
    {
        store::write_file(name, "mine");
        CHECK_THROWS_AS((OldPipeName{site.config, target}), Error);
        CHECK(read_file(name) == "mine");
    }
}
